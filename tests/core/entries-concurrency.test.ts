import { expect, test } from "bun:test"
import type { PagodaError } from "../../src/errors.ts"
import { openTestCore, openTestCores, rootUser as root } from "../support/core.ts"
import { eachDatabase } from "../support/database.ts"
import { problemOf } from "../support/refusal.ts"
import { openServers } from "../support/servers.ts"

eachDatabase((dialect, open) => {
  test("changes of different attributes at the same time are all kept", async () => {
    const [core, other] = await openTestCores(dialect, open)
    const attrs = Array.from({ length: 8 }, (_, at) => ({ name: `a${at}`, type: "number" }))
    const entity = await core.entities.create(root, { name: "Wide", attrs })
    const { id } = await core.entries.create(root, entity.id, { name: "one" })
    await Promise.all(
      attrs.map(({ name }, at) => (at % 2 ? core : other).entries.update(root, id, { attrs: { [name]: at } })),
    )
    const merged = await core.entries.get(root, id)
    expect(merged.attrs).toEqual(Object.fromEntries(attrs.map(({ name }, at) => [name, at])))
    expect(merged.version).toBe(9)
  })

  test("a stale version is refused, and the one that is there is taken", async () => {
    const core = openTestCore(await open())
    const { make } = await openServers(core)
    const { id } = await make("web01")
    const results = await Promise.allSettled(
      [1, 2, 3].map((cpu) => core.entries.update(root, id, { attrs: { cpu: cpu * 10 } }, { version: 1 })),
    )
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1)
    for (const result of results) {
      if (result.status === "rejected") expect((result.reason as PagodaError).code).toBe("VERSION_STALE")
    }
    expect((await problemOf(core.entries.delete(root, id, { version: 1 }))).code).toBe("VERSION_STALE")
    await core.entries.delete(root, id, { version: 2 })
  })

  test("copies under the same names at the same time are made by one alone, in whatever order they come", async () => {
    const [core, other] = await openTestCores(dialect, open)
    const { make } = await openServers(core)
    const { id } = await make("web")
    for (let round = 0; round < 10; round++) {
      const names = Array.from({ length: 8 }, (_, at) => `copy ${round} ${at}`)
      const results = await Promise.allSettled([
        core.entries.copy(root, id, { names }),
        other.entries.copy(root, id, { names: names.toReversed() }),
      ])
      const codes = results.map((result) => (result.status === "fulfilled" ? "made" : result.reason.code))
      expect(codes.sort()).toEqual(["NAME_TAKEN", "made"])
    }
  })

  test("two entries that take each other's name at the same time keep theirs, or one of them is refused", async () => {
    const [core, other] = await openTestCores(dialect, open)
    const { make } = await openServers(core)
    const [a, b] = [await make("a"), await make("b")]
    for (let round = 0; round < 4; round++) {
      const results = await Promise.allSettled([
        core.entries.update(root, a.id, { name: "b" }),
        other.entries.update(root, b.id, { name: "a" }),
      ])
      for (const result of results) expect(result).toMatchObject({ status: "rejected", reason: { code: "NAME_TAKEN" } })
    }
  })

  test("an entity that changes while entries are written takes no entry that does not fit it", async () => {
    const [core, other] = await openTestCores(dialect, open)
    const entity = await core.entities.create(root, { name: "Moving", attrs: [{ name: "old", type: "string" }] })
    const creations = Array.from({ length: 20 }, (_, at) =>
      core.entries.create(root, entity.id, { name: `e${at}`, attrs: { old: "x" } }),
    )
    const results = await Promise.allSettled([other.entities.delete(root, entity.id), ...creations])
    const [isDeleted, ...areMade] = results.map(({ status }) => status === "fulfilled")
    expect(areMade.every((isMade) => isMade === !isDeleted)).toBe(true)
    expect((await core.entryLists.list(root, {})).count).toBe(isDeleted ? 0 : 20)
  })
})
