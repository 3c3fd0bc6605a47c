import { expect, test } from "bun:test"
import type { FetchedSource } from "../../src/plugins/fetch.ts"
import { toLocked } from "../../src/plugins/lock.ts"

const files = new Map([["plugin.ts", new Uint8Array()]])
const fetched: FetchedSource = {
  source: { kind: "npm", name: "a", version: "1.0.0" },
  integrity: "sha512-a",
  files,
  entry: "plugin.ts",
  packages: new Map([["ms@2.1.3", { integrity: "sha512-ms", files }]]),
  layout: {},
  modules: new Map(),
}

test("toLocked() writes down every hash, and the safe choice where none was made", () => {
  expect(toLocked(fetched)).toEqual({
    source: "npm:a@1.0.0",
    version: undefined,
    integrity: "sha512-a",
    dependencies: { "ms@2.1.3": "sha512-ms" },
    permissions: [],
    isolation: "in-process",
    required: false,
  })
})

test("toLocked() keeps what the operator chose", () => {
  const choices = { version: "2.0.0", permissions: ["db"], isolation: "process", required: true } as const
  expect(toLocked(fetched, { ...choices, permissions: ["db"] })).toMatchObject({ ...choices, permissions: ["db"] })
})

test("toLocked() keeps layout and modules where there are any", () => {
  const locked = toLocked({
    ...fetched,
    layout: { "a/node_modules/ms": "ms@2.1.3" },
    modules: new Map([["https://h/b.ts", "sha512-b"]]),
  })
  expect(locked.layout).toEqual({ "a/node_modules/ms": "ms@2.1.3" })
  expect(locked.modules).toEqual({ "https://h/b.ts": "sha512-b" })
})
