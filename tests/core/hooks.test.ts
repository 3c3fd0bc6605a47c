import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { reject } from "@pagoda/sdk"
import type { HookCall, Hooks } from "../../src/core/hooks.ts"
import { openDatabase } from "../../src/db/database.ts"
import { PagodaError } from "../../src/errors.ts"
import { makeFolder, removeFolders } from "../support/folder.ts"
import { openTestHooks, toTestHook } from "../support/hooks.ts"
import { alice } from "../support/jobs.ts"

const server = { id: 1, name: "Server" }
const call: HookCall = { user: alice, entity: server, data: { name: "web01", attrs: { cpu: 4 } } }

let hooks: Hooks
let lines: string[]
let close: () => Promise<void>

beforeEach(async () => {
  const database = await openDatabase({ file: `${await makeFolder()}/pagoda.db` })
  const opened = openTestHooks(database)
  hooks = opened.hooks
  lines = opened.lines
  close = async () => {
    await hooks.close()
    await database.close()
    await removeFolders()
  }
})
afterEach(() => close())

const countOf = (plugin: string) => hooks.counts().find((count) => count.plugin === plugin)
const anything = (changed: unknown) => changed as NonNullable<HookCall["data"]>

describe("who is called", () => {
  test("lower priority first, ties in the order in which they came", async () => {
    const ran: string[] = []
    for (const [plugin, priority] of [
      ["late", 200],
      ["first", 50],
      ["second", 50],
      ["default", 100],
    ] as const) {
      hooks.register(toTestHook("entry.after_create", () => void ran.push(plugin), { plugin, priority }))
    }
    await hooks.after("entry.after_create", call)
    expect(ran).toEqual(["first", "second", "default", "late"])
  })

  test("a filter by entity lets its own entity and no other one through", async () => {
    const ran: string[] = []
    hooks.register(toTestHook("entry.after_create", () => void ran.push("an"), { entity: "an", priority: 2 }))
    hooks.register(toTestHook("entry.after_create", () => void ran.push("bn"), { entity: "bn", priority: 1 }))
    hooks.register(toTestHook("entry.after_create", () => void ran.push("none"), { priority: 1 }))
    await hooks.after("entry.after_create", { ...call, entity: { id: 1, name: "an" } })
    expect(ran).toEqual(["none", "an"])
    expect(hooks.has("entry.after_create", "anything")).toBe(true)
    expect(hooks.has("entry.after_update", "an")).toBe(false)
  })

  test("nobody has what is for another entity alone", () => {
    hooks.register(toTestHook("entry.validate", () => {}, { entity: "an" }))
    expect(hooks.has("entry.validate", "an")).toBe(true)
    expect(hooks.has("entry.validate", "bn")).toBe(false)
  })

  test("an entity that is about to be made is known by the name of what is written", async () => {
    let ran = 0
    hooks.register(toTestHook("entity.before_create", () => void ran++, { entity: "New" }))
    await hooks.chain("entity.before_create", { user: alice, data: { name: "New" } }, "data", anything)
    await hooks.chain("entity.before_create", { user: alice, data: { name: "Other" } }, "data", anything)
    expect(ran).toBe(1)
  })

  test("unregistering one plugin's takes no one else's, and what is under way runs to its end", async () => {
    const ran: string[] = []
    const undo = hooks.register(toTestHook("entry.after_create", () => void ran.push("a"), { plugin: "a" }))
    const leaver = () => {
      ran.push("b")
      undo()
    }
    hooks.register(toTestHook("entry.after_create", leaver, { plugin: "b", priority: 1 }))
    await hooks.after("entry.after_create", call)
    await hooks.after("entry.after_create", call)
    expect(ran).toEqual(["b", "a", "b"])
    expect(hooks.counts().map(({ plugin }) => plugin)).toEqual(["b"])
  })
})

describe("chained handlers", () => {
  const before = (run: (data: NonNullable<HookCall["data"]>) => unknown, options = {}) =>
    hooks.register(toTestHook("entry.before_update", (told) => run((told as HookCall).data ?? {}), options))
  const chain = (check: (changed: unknown) => NonNullable<HookCall["data"]> = anything) =>
    hooks.chain("entry.before_update", call, "data", check)

  test("each gets what the one before returned, and nothing returned changes nothing", async () => {
    before((data) => ({ ...data, attrs: { ...(data.attrs as object), a: 1 } }))
    before(() => {})
    before(async () => null)
    before(async (data) => ({ ...data, attrs: { ...(data.attrs as object), b: 2 } }))
    expect(await chain()).toEqual({ name: "web01", attrs: { cpu: 4, a: 1, b: 2 } })
  })

  test("one that throws is counted for its plugin and skipped; the others' results count", async () => {
    before(
      () => {
        throw new Error("broken")
      },
      { plugin: "bad", priority: 1 },
    )
    before(async () => Promise.reject(new Error("broken too")), { plugin: "worse", priority: 1 })
    before((data) => ({ ...data, name: "good" }), { plugin: "good" })
    expect(await chain()).toMatchObject({ name: "good" })
    expect(countOf("bad")).toMatchObject({ calls: 1, failures: 1, rejections: 0, timeouts: 0 })
    expect(countOf("worse")).toMatchObject({ calls: 1, failures: 1 })
    expect(countOf("good")).toMatchObject({ calls: 1, failures: 0 })
    expect(lines.filter((line) => line.includes('"plugin":"bad"') && line.includes("broken"))).toHaveLength(1)
  })

  test("one whose result does not pass the check counts as failed and is skipped", async () => {
    before(() => ({ name: 7 }), { plugin: "bad" })
    before((data) => ({ ...data, name: `${data.name}!` }), { plugin: "good" })
    const check = (changed: unknown) => {
      if (typeof (changed as { name: unknown }).name === "string") return anything(changed)
      throw new PagodaError("VALIDATION_FAILED", "the name is no string")
    }
    expect(await chain(check)).toMatchObject({ name: "web01!" })
    expect(countOf("bad")).toMatchObject({ failures: 1 })
  })

  test("a database that is away while the result is checked is nobody's failure", async () => {
    before(() => ({ name: "x" }))
    const away = new PagodaError("DATABASE_UNREACHABLE", "away")
    await expect(
      chain(() => {
        throw away
      }),
    ).rejects.toBe(away)
    expect(countOf("p")).toMatchObject({ failures: 0 })
  })

  test("a rejection ends the chain as 422 with the path and the plugin", async () => {
    let later = 0
    before(() => {
      throw reject("no such name", { path: "name" })
    })
    before(() => void later++)
    expect(await chain().catch((error) => error)).toMatchObject({
      code: "VALIDATION_FAILED",
      plugin: "p",
      issues: [{ path: "name", message: "no such name", code: "REJECTED" }],
    })
    expect(later).toBe(0)
    expect(countOf("p")).toMatchObject({ rejections: 1, failures: 0 })
  })

  test("a rejection on a read is a failure as any other", async () => {
    hooks.register(
      toTestHook("entry.get_attrs", () => {
        throw reject("not today")
      }),
    )
    const read = { user: alice, entity: server, attrs: { a: 1 } }
    expect(await hooks.chain("entry.get_attrs", read, "attrs", anything)).toEqual({ a: 1 })
    expect(countOf("p")).toMatchObject({ failures: 1 })
  })

  test("a slow one is skipped when its time is up, and its late failure harms nobody", async () => {
    const late = Promise.withResolvers<void>()
    before(() => late.promise, { plugin: "slow", timeout_ms: 20 })
    before((data) => ({ ...data, name: "good" }))
    expect(await chain()).toMatchObject({ name: "good" })
    expect(countOf("slow")).toMatchObject({ timeouts: 1, failures: 0 })
    late.reject(new Error("too late"))
    await Bun.sleep(0)
  })

  test("one that fails closed refuses the write and is named", async () => {
    before(
      () => {
        throw new Error("broken")
      },
      { plugin: "strict", on_error: "reject" },
    )
    expect(await chain().catch((error) => error)).toMatchObject({ code: "HOOK_FAILED", status: 422, plugin: "strict" })
  })
})

describe("validate", () => {
  const validate = (plugin: string, error: unknown, options = {}) =>
    hooks.register(
      toTestHook(
        "entry.validate",
        async () => {
          throw error
        },
        { plugin, ...options },
      ),
    )

  test("all that is rejected is in one answer", async () => {
    validate("a", reject("bad name", { path: "name" }))
    validate("b", reject("bad cpu", { path: "attrs.cpu" }))
    validate("c", new Error("broken"))
    const error = await hooks.validate("entry.validate", call).catch((error) => error)
    expect(error.issues.map(({ path }: { path: string }) => path)).toEqual(["name", "attrs.cpu"])
    expect(error.message).toContain('"a", "b"')
    expect(countOf("c")).toMatchObject({ failures: 1 })
  })

  test("what looks like an error of the API is no rejection", async () => {
    validate("a", Object.assign(new Error("no"), { name: "PluginValidationError", code: "VALIDATION_FAILED" }))
    await hooks.validate("entry.validate", call)
    expect(countOf("a")).toMatchObject({ failures: 1, rejections: 0 })
  })

  test("one that is too slow and fails closed refuses the write", async () => {
    const never = () => new Promise(() => {})
    hooks.register(toTestHook("entry.validate", never, { on_error: "reject", timeout_ms: 10 }))
    await expect(hooks.validate("entry.validate", call)).rejects.toMatchObject({ code: "HOOK_FAILED" })
    expect(countOf("p")).toMatchObject({ timeouts: 1 })
  })
})

describe("after a write", () => {
  test("nothing that a handler does fails the caller", async () => {
    let ran = 0
    hooks.register(
      toTestHook("entry.after_delete", () => {
        throw undefined
      }),
    )
    hooks.register(toTestHook("entry.after_delete", () => Promise.reject(reject("no"))))
    hooks.register(toTestHook("entry.after_delete", () => void ran++))
    await hooks.after("entry.after_delete", call)
    expect(ran).toBe(1)
    expect(hooks.counts().map(({ failures }) => failures)).toEqual([1, 1, 0])
  })

  test("handlers that write what runs themselves end in the log, not in a circle", async () => {
    let depth = 0
    hooks.register(
      toTestHook("entry.after_create", async () => {
        depth++
        await hooks.after("entry.after_create", call)
      }),
    )
    await hooks.after("entry.after_create", call)
    expect(depth).toBe(16)
    expect(lines.some((line) => line.includes("16 deep"))).toBe(true)
  })

  test("many slow ones at once each end at their own time", async () => {
    hooks.register(toTestHook("entry.after_create", () => new Promise(() => {}), { timeout_ms: 30 }))
    const started = performance.now()
    await Promise.all(Array.from({ length: 100 }, () => hooks.after("entry.after_create", call)))
    expect(performance.now() - started).toBeLessThan(2_000)
    expect(countOf("p")).toMatchObject({ calls: 100, timeouts: 100 })
  })
})

test("an event reaches its subscribers with its data and its user, who may be nobody", async () => {
  const told: unknown[] = []
  hooks.register(toTestHook("other:done", (event) => void told.push(event)))
  await hooks.emit("other:done", { user: null, data: { rows: 3, name: "no filter" } })
  await hooks.emit("other:undone", { user: null, data: 1 })
  expect(told).toEqual([{ user: null, data: { rows: 3, name: "no filter" } }])
})
