import { expect, test } from "bun:test"
import { reject } from "@pagoda/sdk"
import type { HookCall, HookName, RegisteredHook } from "../../src/core/hooks.ts"
import { openTestCore, rootUser as root, type TestCore } from "../support/core.ts"
import { eachDatabase } from "../support/database.ts"
import { problemOf } from "../support/refusal.ts"

function listen(core: TestCore, name: HookName, run: (call: HookCall) => unknown, more: Partial<RegisteredHook> = {}) {
  const place = { plugin: "listener", position: 0, priority: 100, timeout_ms: 5_000 }
  return core.hooks.register({
    ...place,
    name,
    durable: false,
    on_error: "skip",
    ...more,
    run: async (call) => run(call as HookCall),
  })
}

const names: HookName[] = ["create", "update", "delete", "restore"].flatMap((write) => [
  `entry.before_${write}` as HookName,
  `entry.after_${write}` as HookName,
])

async function openThings(core: TestCore) {
  const attrs = [
    { name: "size", type: "number" },
    { name: "label", type: "string" },
  ]
  return core.entities.create(root, { name: "Thing", attrs })
}

eachDatabase((_, open) => {
  test("each write runs its own hooks, before it and after it, and equal values run none after", async () => {
    const core = openTestCore(await open())
    await openThings(core)
    const heard: string[] = []
    for (const name of [...names, "entry.validate", "entry.get_attrs"] as HookName[]) {
      listen(core, name, ({ entity, entry }) => void heard.push(`${name} ${entity?.name} ${entry?.version ?? "-"}`))
    }
    const hears = async (work: () => Promise<unknown>) => {
      heard.length = 0
      await work()
      return heard.map((line) => line.replace("entry.", "").replace(" Thing", ""))
    }
    let id = 0
    expect(
      await hears(async () => {
        id = (await core.entries.create(root, "Thing", { name: "one", attrs: { size: 1 } })).id
      }),
    ).toEqual(["validate -", "before_create -", "after_create 1"])
    expect(await hears(() => core.entries.update(root, id, { attrs: { size: 2 } }))).toEqual([
      "validate 1",
      "before_update 1",
      "after_update 2",
    ])
    expect(await hears(() => core.entries.update(root, id, { attrs: { size: 2 } }))).not.toContain("after_update 2")
    expect(await hears(() => core.entries.get(root, id))).toEqual(["get_attrs 2"])
    expect(await hears(() => core.entries.delete(root, id))).toEqual(["before_delete 2", "after_delete 3"])
    expect(await hears(() => core.entries.restore(root, id))).toEqual(["before_restore 3", "after_restore 4"])
    const copied = await hears(() => core.entries.copy(root, id, { names: ["two", "three"] }))
    expect(copied.filter((line) => line === "after_create 1")).toHaveLength(2)
    expect(await hears(() => core.entries.history(root, id, { limit: 1, offset: 0 }))).toEqual([])
  })

  test("what a before hook returns is checked and written, and what does not pass is left out", async () => {
    const core = openTestCore(await open())
    await openThings(core)
    listen(
      core,
      "entry.before_create",
      ({ data }) => ({ ...data, attrs: { ...(data?.attrs as object), size: "big" } }),
      {
        priority: 1,
      },
    )
    listen(core, "entry.before_create", ({ data }) => ({ ...data, attrs: { ...(data?.attrs as object), size: 9 } }), {
      priority: 2,
    })
    const made = await core.entries.create(root, "Thing", { name: "one", attrs: { size: 1, label: "x" } })
    expect(made.attrs).toEqual({ size: 9, label: "x" })
    expect(core.hooks.counts().map(({ failures }) => failures)).toEqual([1, 0])

    listen(core, "entry.before_update", () => ({ attrs: { label: "from the hook" } }))
    const changed = await core.entries.update(root, made.id, { attrs: { size: 3 } })
    expect(changed.attrs).toEqual({ size: 9, label: "from the hook" })
  })

  test("a veto is told with its path, and nothing is written", async () => {
    const core = openTestCore(await open())
    await openThings(core)
    const { id } = await core.entries.create(root, "Thing", { name: "one", attrs: { size: 1 } })
    const undos = [...names, "entry.validate" as const]
      .filter((name) => !name.startsWith("entry.after"))
      .map((name) => listen(core, name, () => Promise.reject(reject("the moon is full", { path: "attrs.size" }))))
    const before = await core.entries.get(root, id)
    for (const work of [
      () => core.entries.create(root, "Thing", { name: "two" }),
      () => core.entries.update(root, id, { attrs: { size: 2 } }),
      () => core.entries.delete(root, id),
      () => core.entries.copy(root, id, { names: ["two"] }),
    ]) {
      const { code, paths } = await problemOf(work())
      expect([code, Object.keys(paths)]).toEqual(["VALIDATION_FAILED", ["attrs.size"]])
    }
    expect(await core.entries.get(root, id)).toEqual(before)
    expect((await core.entryLists.list(root, {})).count).toBe(1)
    for (const undo of undos) await undo()
  })

  test("after hooks run after the commit and cannot fail the write", async () => {
    const core = openTestCore(await open())
    await openThings(core)
    let stored: unknown
    listen(core, "entry.after_create", async ({ entry }) => {
      stored = await core.entries.get(root, entry?.id ?? 0)
      throw new Error("too late")
    })
    const made = await core.entries.create(root, "Thing", { name: "one" })
    expect(stored).toEqual(made)
  })

  test("a handler of get_attrs adds to what one read answers, and what is no JSON is left out", async () => {
    const core = openTestCore(await open())
    await openThings(core)
    const { id } = await core.entries.create(root, "Thing", { name: "one", attrs: { size: 2 } })
    listen(core, "entry.get_attrs", ({ attrs }) => ({ ...attrs, doubled: 4 }), { priority: 1 })
    listen(core, "entry.get_attrs", () => ({ size: 1n }), { priority: 2 })
    listen(core, "entry.get_attrs", () => "nothing", { priority: 3 })
    expect((await core.entries.get(root, id)).attrs).toEqual({ size: 2, label: null, doubled: 4 })
    expect((await core.entryLists.list(root, {})).results[0]?.attrs).toEqual({ size: 2, label: null })
  })

  test("a durable hook is written down with the change, and not without it", async () => {
    const core = openTestCore(await open())
    await openThings(core)
    listen(core, "entry.after_create", () => {}, { durable: true })
    await core.entries.create(root, "Thing", { name: "one" })
    await problemOf(core.entries.create(root, "Thing", { name: "one" }))
    const { db, tables } = core.database
    const rows = await db.select().from(tables.hook_delivery)
    expect(rows.map(({ plugin, hook }) => [plugin, hook])).toEqual([["listener", "entry.after_create"]])
  })
})
