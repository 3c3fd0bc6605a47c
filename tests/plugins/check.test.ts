import { describe, expect, test } from "bun:test"
import { definePlugin, job, onEntry, type PluginDefinition, secret, t } from "@pagoda/sdk"
import type { TSchema } from "@sinclair/typebox"
import { checkPlugin, defaultSettings } from "../../src/plugins/check.ts"
import { hookNames } from "../../src/plugins/check-hooks.ts"
import type { Manifest } from "../../src/plugins/manifest.ts"

const minimal = { id: "a-b", name: "A", version: "1.0.0" }
const locked = { source: "file:a", version: "1.0.0" }

function check(plugin: unknown, manifest?: Manifest, id = "a-b") {
  return () => checkPlugin(plugin, id, locked, manifest)
}

test("a minimal plugin gets an empty description, author and permissions", () => {
  expect(check(minimal)()).toMatchObject({ description: "", author: "", permissions: [] })
})

describe("an id", () => {
  for (const id of ["a-b", "a_b", "a-b-123", "constructor", "x".repeat(100)]) {
    test(`"${id}" is one`, () => expect(check({ ...minimal, id }, undefined, id)).not.toThrow())
  }
  for (const id of ["a b", "-a", "a-", "a--b", "a/b", "日本", "A", "__proto__", "x".repeat(101)]) {
    test(`"${id}" is none`, () => expect(check({ ...minimal, id }, undefined, id)).toThrow(`its id is "${id}"`))
  }
})

type Broken = [what: string, plugin: unknown, code: string, message: string]

describe("refused, each with a message of its own:", () => {
  const broken: Broken[] = [
    ["nothing exported", undefined, "PLUGIN_INVALID", "no default export"],
    ["a function exported", () => {}, "PLUGIN_INVALID", "no default export"],
    ["no id", { ...minimal, id: undefined }, "PLUGIN_INVALID", 'no "id"'],
    ["no name", { ...minimal, name: "" }, "PLUGIN_INVALID", 'no "name"'],
    ["no version", { ...minimal, version: undefined }, "PLUGIN_INVALID", 'no "version"'],
    ["a version that is none", { ...minimal, version: "1" }, "PLUGIN_INVALID", 'its version is "1"'],
    ["another id", { ...minimal, id: "other" }, "PLUGIN_MISMATCH", 'its code says the id "other"'],
    ["another version", { ...minimal, version: "1.0.1" }, "PLUGIN_MISMATCH", 'the lockfile "1.0.0"'],
    [
      "another host",
      { ...minimal, engines: { pagoda: "^3.0.0" } },
      "PLUGIN_INCOMPATIBLE",
      'works with host API "^3.0.0"',
    ],
    ["a range that is none", { ...minimal, dependencies: { b: "soon" } }, "PLUGIN_INVALID", 'wants "b" as "soon"'],
    ["routes that are no function", { ...minimal, routes: {} }, "PLUGIN_INVALID", 'its "routes" is of type "object"'],
    [
      "dependencies that are null",
      { ...minimal, dependencies: null },
      "PLUGIN_INVALID",
      'its "dependencies" are no object',
    ],
    ["engines as text", { ...minimal, engines: ">=2" }, "PLUGIN_INVALID", 'its "engines" are no object'],
    ["jobs as a list", { ...minimal, jobs: [] }, "PLUGIN_INVALID", 'its "jobs" are no object'],
    [
      "a setting that is null",
      { ...minimal, settings: { type: "object", properties: { a: null } } },
      "PLUGIN_INVALID",
      "no t.Object",
    ],
    ["a job without run", { ...minimal, jobs: { 300: { name: "X" } } }, "PLUGIN_INVALID", 'its job 300 has no "run"'],
    ["a job that is no number", { ...minimal, jobs: { x: { name: "X", run() {} } } }, "PLUGIN_INVALID", 'its job "x"'],
    [
      "an unknown hook",
      { ...minimal, hooks: [{ name: "entry.explode", handler() {} }] },
      "PLUGIN_INVALID",
      "entry.explode",
    ],
    [
      "a hook without its permission",
      { ...minimal, hooks: [onEntry("after_create", () => {})] },
      "PERMISSION_MISSING",
      'its hook on "entry.after_create" needs the permission "entries:read"',
    ],
    [
      "an override without its permission",
      { ...minimal, overrides: { list: () => {} } },
      "PERMISSION_MISSING",
      'its override of "list" needs the permission "entries:read"',
    ],
    ["an unknown override", { ...minimal, overrides: { restore: () => {} } }, "PLUGIN_INVALID", "create, retrieve"],
    [
      "a durable hook before the write",
      { ...minimal, hooks: [{ name: "entry.validate", durable: true, handler: () => {} }] },
      "PLUGIN_INVALID",
      'only "after_*"',
    ],
    [
      "a hook that fails closed after the write",
      { ...minimal, hooks: [{ name: "entry.after_create", on_error: "reject", handler: () => {} }] },
      "PLUGIN_INVALID",
      'only "validate" and "before_*"',
    ],
    [
      "a hook without a time to wait",
      { ...minimal, hooks: [{ name: "entry.validate", timeout_ms: 0, handler: () => {} }] },
      "PLUGIN_INVALID",
      '"timeout_ms" 0',
    ],
    [
      "a default that does not fit",
      { ...minimal, settings: t.Object({ N: t.Number({ default: "x" }) }) },
      "PLUGIN_INVALID",
      'its setting "N"',
    ],
    ...[{ type: "string" }, t.Array(t.String({ pattern: "(" })), t.Ref("elsewhere")].map((schema): Broken => {
      const settings = t.Object({ N: t.Optional(schema as TSchema) })
      return ["a setting that cannot be checked", { ...minimal, settings }, "PLUGIN_INVALID", "no value can be checked"]
    }),
    [
      "a secret with a default",
      { ...minimal, settings: t.Object({ KEY: secret(t.String({ default: "not so secret" })) }) },
      "PLUGIN_INVALID",
      'its setting "KEY" is secret and has a default',
    ],
    [
      "a secret with a default somewhere in a setting",
      { ...minimal, settings: t.Object({ IN: t.Object({ KEY: secret(t.String()) }, { default: { KEY: "x" } }) }) },
      "PLUGIN_INVALID",
      'its setting "IN" is secret and has a default',
    ],
  ]
  for (const [what, plugin, code, message] of broken) {
    test(what, () => {
      let thrown: unknown
      try {
        check(plugin)()
      } catch (error) {
        thrown = error
      }
      expect(thrown).toMatchObject({ code, plugin: "a-b" })
      expect(String(thrown)).toContain(message)
      expect(String(thrown)).toContain('Cannot load plugin "a-b": ')
    })
  }
})

test("there are 17 hooks, and a message about an unknown one lists them", () => {
  expect(new Set(hookNames).size).toBe(17)
  const unknown = check({ ...minimal, hooks: [{ name: "entry.explode", handler() {} }] })
  for (const name of hookNames) expect(unknown).toThrow(name)
})

test("the code must declare what the manifest told", () => {
  const manifest: Manifest = { id: "a-b", permissions: ["db", "jobs:create"], engines: {}, dependencies: {} }
  expect(check({ ...minimal, permissions: ["jobs:create", "db"] }, manifest)).not.toThrow()
  expect(check({ ...minimal, permissions: ["jobs:create", "db", "system"] }, manifest)).toThrow(
    "its code says permissions",
  )
  expect(check(minimal, { ...manifest, permissions: [], dependencies: { c: "^1" } })).toThrow(
    "its code says dependencies",
  )
})

test("settings begin as the defaults of their schema", () => {
  const plugin: PluginDefinition = definePlugin({
    ...minimal,
    settings: t.Object({ GREETING: t.String({ default: "Hello" }), NAME: t.Optional(t.String()) }),
    jobs: { 300: job({ name: "X", run: async () => {} }) },
  })
  expect(defaultSettings(plugin)).toEqual({ GREETING: "Hello" })
  expect(defaultSettings(minimal)).toEqual({})
})
