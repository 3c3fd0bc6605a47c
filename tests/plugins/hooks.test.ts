import { afterAll, beforeAll, expect, test } from "bun:test"
import { type Api, definePlugin, type HookDefinition, onEntry } from "@pagoda/sdk"
import type { HookCall, Hooks } from "../../src/core/hooks.ts"
import { openDatabase } from "../../src/db/database.ts"
import { createCalls } from "../../src/plugins/calls.ts"
import { describeHooks, toHooks } from "../../src/plugins/hooks.ts"
import { copyPlain, toPlain } from "../../src/plugins/plain.ts"
import { makeFolder, removeFolders } from "../support/folder.ts"
import { openTestHooks } from "../support/hooks.ts"
import { alice } from "../support/jobs.ts"

const api = { mark: "api of alice" } as unknown as Api
const call = (): HookCall => ({
  user: alice,
  entity: { id: 1, name: "Server" },
  entry: { id: 7, attrs: { tags: ["a"] } } as never,
  data: { name: "x", attrs: { tags: ["a"] } },
})

let hooks: Hooks
let close: () => Promise<void>

beforeAll(async () => {
  const database = await openDatabase({ file: `${await makeFolder()}/pagoda.db` })
  hooks = openTestHooks(database).hooks
  close = async () => {
    await hooks.close()
    await database.close()
  }
})
afterAll(async () => {
  await close()
  await removeFolders()
})

function register(...list: HookDefinition[]) {
  const plugin = definePlugin({ id: "p", name: "P", version: "1.0.0", hooks: list })
  const undos = toHooks(plugin, (user) => (user === alice ? api : ({} as Api)), createCalls()).map((hook) =>
    hooks.register(hook),
  )
  return Object.assign(() => describeHooks(list, hooks.counts()), {
    [Symbol.dispose]: () => {
      for (const undo of undos) undo()
    },
  })
}

test("a handler gets its plugin, the api of who caused it and copies, in one plain object", async () => {
  let told: Record<string, unknown> = {}
  using _ = register(
    onEntry("after_create", (context) => {
      told = { ...context }
      context.entry.attrs.tags = "changed"
      context.user.is_admin = true
    }),
  )
  const given = call()
  await hooks.after("entry.after_create", given)
  expect(told).toMatchObject({ api, plugin: { id: "p", name: "P", version: "1.0.0" }, entity: { name: "Server" } })
  expect(given).toEqual(call())
  expect(alice.is_admin).toBe(false)
})

test("what a handler changed in place counts where it returns it, and nowhere else", async () => {
  using _ = register(
    onEntry("before_create", ({ data }) => {
      data.name = "not returned"
    }),
    onEntry("before_create", (context) => {
      context.data.attrs = { changed: true }
      return context.data
    }),
  )
  const changed = await hooks.chain("entry.before_create", call(), "data", (data) => data as object)
  expect(changed).toEqual({ name: "x", attrs: { changed: true } })
})

test("what is no JSON is the handler's failure, counted where it stands", async () => {
  const circle: Record<string, unknown> = {}
  circle.circle = circle
  using described = register(
    onEntry("before_create", () => circle),
    onEntry("before_create", async () => ({ name: 1n })),
    onEntry("validate", () => {}),
    onEntry("before_create", { priority: 5, entity: "Server" }, () => ({ when: new Date(0), left: undefined })),
  )
  const changed = await hooks.chain("entry.before_create", call(), "data", (data) => data as object)
  expect(changed).toEqual({ when: "1970-01-01T00:00:00.000Z" })
  const none = { calls: 0, failures: 0, rejections: 0, timeouts: 0, durable: false, priority: 100, entity: null }
  expect(described()).toEqual([
    { ...none, name: "entry.before_create", calls: 1, failures: 1 },
    { ...none, name: "entry.before_create", calls: 1, failures: 1 },
    { ...none, name: "entry.validate" },
    { ...none, name: "entry.before_create", calls: 1, entity: "Server", priority: 5 },
  ])
})

test("what a handler keeps of its answer it cannot change later", async () => {
  const kept = { name: "first", attrs: {} as Record<string, string> }
  using _ = register(onEntry("before_create", () => kept))
  const changed = (await hooks.chain("entry.before_create", call(), "data", (data) => data as object)) as typeof kept
  kept.attrs.late = "x"
  expect(changed).toEqual({ name: "first", attrs: {} })
})

test("copies keep odd names and hold nothing of the original", () => {
  const odd = JSON.parse('{"__proto__":{"polluted":true},"constructor":1,"a":[[{}],null],"toString":"x"}')
  for (const copy of [copyPlain(odd), toPlain(odd) as typeof odd]) {
    expect(JSON.stringify(copy)).toBe(JSON.stringify(odd))
    expect(copy.polluted).toBeUndefined()
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype)
    expect(copy.a[0]).not.toBe(odd.a[0])
  }
})
