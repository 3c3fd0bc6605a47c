import { describe, expect, test } from "bun:test"
import type { FetchedSource } from "../../src/plugins/fetch.ts"
import { toSri } from "../../src/plugins/integrity.ts"
import type { LockedPlugin } from "../../src/plugins/lockfile.ts"
import { requireIntegrity, trustUnverified, verifySource } from "../../src/plugins/verify.ts"

const sri = { own: toSri("own"), ms: toSri("ms"), a: toSri("a"), evil: toSri("evil") }
const bytes = (text: string) => new TextEncoder().encode(text)

const fetched: FetchedSource = {
  source: { kind: "npm", name: "x", version: "1.0.0" },
  integrity: sri.own,
  files: new Map([["package.json", bytes('{"dependencies":{"ms":"^2","@pagoda/sdk":"^2"}}')]]),
  entry: "plugin.ts",
  packages: new Map([["ms@2.1.3", { integrity: sri.ms, files: new Map() }]]),
  layout: { "a/node_modules/ms": "ms@2.1.3", ms: "ms@2.1.3" },
  modules: new Map([["https://h/a.ts", sri.a]]),
}

const locked: LockedPlugin = {
  source: "npm:x@1.0.0",
  integrity: sri.own,
  dependencies: { "ms@2.1.3": sri.ms },
  layout: { "a/node_modules/ms": "ms@2.1.3", ms: "ms@2.1.3" },
  modules: { "https://h/a.ts": sri.a },
}

test("verifySource() takes bytes that are what the lockfile says", () => {
  expect(verifySource("x", locked, fetched)).toMatchObject({ integrity: sri.own })
})

test("verifySource() refuses a plugin without an integrity and names pagoda lock", () => {
  const { integrity: _, ...without } = locked
  const message =
    'Cannot load plugin "x": the lockfile has no integrity of "npm:x@1.0.0"; run "pagoda lock" to fill it in'
  expect(() => verifySource("x", without, fetched)).toThrow(message)
  expect(() => requireIntegrity("x", without)).toThrow(message)
})

test("a package that its package.json asks for and nobody locked is missing, not mismatched", () => {
  const none = { ...locked, dependencies: {}, layout: {} }
  expect(() => verifySource("x", none, { ...fetched, packages: new Map(), layout: {} })).toThrow(
    expect.objectContaining({ code: "INTEGRITY_MISSING", message: expect.stringContaining('the package "ms"') }),
  )
})

describe("verifySource() refuses, with what is, what was locked and the mending command,", () => {
  const table: [name: string, locked: Partial<LockedPlugin>, fetched: Partial<FetchedSource>, message: string][] = [
    [
      "other bytes",
      {},
      { integrity: sri.evil },
      `integrity of "npm:x@1.0.0" is "${sri.evil}", lockfile says "${sri.own}"`,
    ],
    [
      "other bytes of a package",
      {},
      { packages: new Map([["ms@2.1.3", { integrity: sri.evil, files: new Map() }]]) },
      `integrity of package "ms@2.1.3" is "${sri.evil}", lockfile says "${sri.ms}"`,
    ],
    [
      "a package that is not locked",
      {},
      { packages: new Map([...fetched.packages, ["left@1.0.0", { integrity: sri.evil, files: new Map() }]]) },
      `package "left@1.0.0" has the integrity "${sri.evil}", lockfile does not name it`,
    ],
    [
      "a locked package that is not there",
      { dependencies: { ...locked.dependencies, "left@1.0.0": sri.a } },
      {},
      `package "left@1.0.0" is not there, lockfile says "${sri.a}"`,
    ],
    [
      "another place of a package",
      { layout: { ms: "ms@2.1.3" } },
      {},
      'place "a/node_modules/ms" has the package "ms@2.1.3", lockfile does not name it',
    ],
    [
      "other bytes of a module",
      {},
      { modules: new Map([["https://h/a.ts", sri.evil]]) },
      `integrity of module "https://h/a.ts" is "${sri.evil}", lockfile says "${sri.a}"`,
    ],
    ["a module that is not locked", { modules: {} }, {}, 'module "https://h/a.ts" has the integrity'],
  ]
  test.each(table)("%s", (_name, lockedChange, fetchedChange, message) => {
    expect(() => verifySource("x", { ...locked, ...lockedChange }, { ...fetched, ...fetchedChange })).toThrow(
      expect.objectContaining({
        code: "INTEGRITY_MISMATCH",
        plugin: "x",
        message: expect.stringContaining(message),
      }),
    )
    expect(() => verifySource("x", { ...locked, ...lockedChange }, { ...fetched, ...fetchedChange })).toThrow(
      'run "pagoda plugin update x" if you mean to take the new one',
    )
  })
})

test("trustUnverified() compares nothing", () => {
  expect(trustUnverified({ ...fetched, integrity: sri.evil })).toMatchObject({ integrity: sri.evil })
})
