import { expect, test } from "bun:test"
import type { Entry, Json } from "@pagoda/sdk"
import fc from "fast-check"
import type { EntryVersion } from "../../src/core/entries.ts"
import { PagodaError } from "../../src/errors.ts"
import { openTestCore, openTestCores, rootUser as root, type TestCore } from "../support/core.ts"
import { eachDatabase } from "../support/database.ts"

const whole = { limit: 1000, offset: 0 }

/** What the versions say that the entry is by now. */
function replay(versions: readonly EntryVersion[]): Pick<Entry, "name" | "attrs" | "is_active" | "version"> {
  const made = {
    name: "",
    attrs: { size: null, label: null, tags: [] } as Record<string, Json>,
    is_active: false,
    version: 0,
  }
  for (const { version, action, changes } of versions.toReversed()) {
    expect(version).toBe(made.version + 1)
    made.version = version
    if (action === "create" || action === "restore") made.is_active = true
    if (action === "delete") made.is_active = false
    for (const change of changes) {
      const now = change.attribute_id === null ? made.name : made.attrs[change.name]
      if (version > 1) expect(change.old).toEqual(now as Json)
      if (change.attribute_id === null) made.name = change.new as string
      else made.attrs[change.name] = change.new
    }
  }
  return made
}

const attribute = fc.constantFrom("size", "label", "tags")
const values: Record<string, fc.Arbitrary<Json>> = {
  size: fc.constantFrom(null, 0, 1, 2),
  label: fc.constantFrom(null, "", "a", "b"),
  tags: fc.constantFrom<Json>(null, [], ["a"], ["a", "b"]),
}
const attrs = fc
  .uniqueArray(attribute, { maxLength: 2 })
  .chain((names) => fc.record(Object.fromEntries(names.map((name) => [name, values[name] as fc.Arbitrary<Json>]))))
const name = fc.constantFrom("a", "b", "c")
const step = fc.record({
  /** By whom: one of two connections. */
  by: fc.nat(1),
  /** Which of the entries that are there. */
  at: fc.nat(5),
  action: fc.oneof(
    fc.record({ create: fc.record({ name, attrs }) }),
    fc.record({
      update: fc.record({ name, attrs }, { requiredKeys: [] }),
      version: fc.option(fc.integer({ min: 1, max: 4 })),
    }),
    fc.record({ delete: fc.constant(true) }),
    fc.record({ restore: fc.constant(true) }),
    fc.record({ copy: fc.uniqueArray(name, { minLength: 1, maxLength: 2 }) }),
  ),
  /** Whether the next one does not wait for it. */
  isConcurrent: fc.boolean(),
})
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

async function act({ entries }: TestCore, entity: number, ids: number[], { at, action }: Step): Promise<void> {
  const id = ids[at % Math.max(1, ids.length)]
  if ("create" in action) {
    ids.push((await entries.create(root, entity, action.create)).id)
  } else if (id === undefined) {
    return
  } else if ("update" in action) {
    await entries.update(root, id, action.update, { version: action.version ?? undefined })
  } else if ("delete" in action) {
    await entries.delete(root, id)
  } else if ("restore" in action) {
    await entries.restore(root, id)
  } else {
    for (const copy of await entries.copy(root, id, { names: action.copy })) ids.push(copy.id)
  }
}

const refusals = new Set(["NAME_TAKEN", "NOT_FOUND", "CONFLICT", "VERSION_STALE"])

eachDatabase((dialect, open) => {
  test("any sequence of writes on two connections ends in what the history explains", async () => {
    const [one, other] = await openTestCores(dialect, open)
    let round = 0
    const property = fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const types = { size: "number", label: "string", tags: "array_string" }
      const fields = Object.entries(types).map(([name, type]) => ({ name, type }))
      const entity = await one.entities.create(root, { name: `Thing ${round++}`, attrs: fields })
      const ids: number[] = []
      let running: Promise<void>[] = []
      for (const next of steps) {
        const work = act(next.by ? one : other, entity.id, ids, next).catch((error) => {
          if (!(error instanceof PagodaError) || !refusals.has(error.code)) throw error
        })
        running.push(work)
        if (next.isConcurrent) continue
        await Promise.all(running)
        running = []
      }
      await Promise.all(running)

      const active: string[] = []
      for (const id of ids) {
        const entry = await one.entries.get(root, id)
        const { count, results } = await other.entries.history(root, id, whole)
        const explained = replay(results)
        expect(explained).toEqual({
          name: entry.name,
          attrs: entry.attrs,
          is_active: entry.is_active,
          version: entry.version,
        })
        expect(count).toBe(entry.version)
        if (entry.is_active) active.push(entry.name)
      }
      expect(new Set(active).size).toBe(active.length)
    })
    await fc.assert(property, { seed: 20261122, numRuns: dialect === "sqlite" ? 60 : 25 })
  }, 60_000)

  test("history tells who, when and what, newest first, and an old value can be put back", async () => {
    const core = openTestCore(await open())
    const ana = core.person("ana")
    const fields = [{ name: "size", type: "number" }]
    const entity = await core.entities.create(root, { name: "Thing", attrs: fields })
    const size = entity.attrs[0]?.id ?? 0
    const made = await core.entries.create(root, entity.id, { name: "one", attrs: { size: 1 } })
    const changed = await core.entries.update(ana, made.id, { name: "uno", attrs: { size: 2 } })
    const { count, results } = await core.entries.history(ana, made.id, whole)
    expect(count).toBe(2)
    expect(results).toEqual([
      {
        version: 2,
        action: "update",
        changes: [
          { attribute_id: null, name: "name", old: "one", new: "uno" },
          { attribute_id: size, name: "size", old: 1, new: 2 },
        ],
        user: { id: "ana", username: "ana" },
        created_at: changed.updated_at,
      },
      {
        version: 1,
        action: "create",
        changes: [
          { attribute_id: null, name: "name", old: null, new: "one" },
          { attribute_id: size, name: "size", old: null, new: 1 },
        ],
        user: { id: "root", username: "root" },
        created_at: made.created_at,
      },
    ])
    const old = results[0]?.changes[1]
    const back = await core.entries.update(root, made.id, { attrs: { [old?.name ?? ""]: old?.old } })
    expect(back).toMatchObject({ version: 3, attrs: { size: 1 } })
    const second = await core.entries.history(root, made.id, { limit: 1, offset: 1 })
    expect([second.count, second.results.map(({ version }) => version)]).toEqual([3, [2]])
  })

  test("what a removed attribute held stays in the history", async () => {
    const core = openTestCore(await open())
    const fields = [{ name: "size", type: "number" }]
    const entity = await core.entities.create(root, { name: "Thing", attrs: fields })
    const made = await core.entries.create(root, entity.id, { name: "one", attrs: { size: 1 } })
    await core.entities.update(root, entity.id, { attrs: [{ id: entity.attrs[0]?.id, is_deleted: true }] })
    expect((await core.entries.get(root, made.id)).attrs).toEqual({})
    const { results } = await core.entries.history(root, made.id, whole)
    expect(results[0]?.changes[1]).toMatchObject({ name: "size", new: 1 })
  })
})
