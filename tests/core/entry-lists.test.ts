import { expect, test } from "bun:test"
import { eachDatabase } from "../support/database.ts"
import { admin, openSeed, type SeedAttribute, type SeedEntry, toTestUser } from "../support/entry-seed.ts"

const serverAttributes: Record<string, SeedAttribute> = {
  host: "string",
  cpu: "number",
  is_virtual: "boolean",
  installed: "date",
  seen: "datetime",
  rack: { type: "select", choices: ["a", "b"] },
  tags: "array_string",
  owner: "object",
  contact: "named_object",
}

eachDatabase((_, open) => {
  async function openServers() {
    const seed = openSeed(await open())
    const server = await seed.entity("Server", serverAttributes)
    const ids = await seed.entries(server, [
      {
        name: "web01",
        attrs: {
          host: "Alpha",
          cpu: 4,
          is_virtual: true,
          installed: "2026-01-31",
          seen: "2026-02-01T12:00:00Z",
          rack: "a",
          tags: ["Red", "blue"],
        },
        created_at: "2026-01-10T00:00:00.000Z",
      },
      {
        name: "web02",
        attrs: { host: "alpha", cpu: 8.5, is_virtual: false, installed: "2025-01-31", rack: "b", tags: ["green"] },
        created_at: "2026-01-20T10:00:00.000Z",
      },
      { name: "db01", attrs: { host: "Ωmega", cpu: -1 }, created_at: "2026-01-30T00:00:00.000Z" },
      { name: "db02", attrs: { host: "zeta" } },
      { name: "old01", attrs: { host: "alpha", cpu: 4 }, is_active: false },
    ])
    const find = async (query: object) => {
      const { count, results } = await seed.lists.list(admin, { entity: "Server", ...query })
      expect(count).toBe(results.length)
      return results.map(({ name }) => name)
    }
    return { ...seed, server, ids, find }
  }

  test("a list answers whole entries, active ones, by id", async () => {
    const { lists, server, ids } = await openServers()
    const { count, results } = await lists.list(admin, { entity: server })
    expect(count).toBe(4)
    expect(results.map(({ id }) => id)).toEqual(ids.slice(0, 4))
    expect(results[0]).toEqual({
      id: ids[0] as number,
      entity: { id: server, name: "Server" },
      name: "web01",
      attrs: {
        host: "Alpha",
        cpu: 4,
        is_virtual: true,
        installed: "2026-01-31",
        seen: "2026-02-01T12:00:00Z",
        rack: "a",
        tags: ["Red", "blue"],
        owner: null,
        contact: null,
      },
      is_public: true,
      default_permission: "nothing",
      is_active: true,
      version: 1,
      created_by: "admin",
      created_at: "2026-01-10T00:00:00.000Z",
      updated_by: "admin",
      updated_at: "2026-01-10T00:00:00.000Z",
    })
  })

  test("a page has its part of the results and the count of all", async () => {
    const { lists } = await openServers()
    const page = await lists.list(admin, { entity: "Server", ordering: "name", limit: 2, offset: 1 })
    expect([page.count, ...page.results.map(({ name }) => name)]).toEqual([4, "db02", "web01"])
    const beyond = await lists.list(admin, { entity: "Server", limit: 2, offset: 100 })
    expect(beyond).toEqual({ count: 4, results: [] })
  })

  test("each operator finds what it says", async () => {
    const { find, ids } = await openServers()
    const cases: [filter: object, names: string[]][] = [
      [{ host: "alpha" }, ["web02"]],
      [{ host: { eq: "Alpha" } }, ["web01"]],
      [{ host: { ne: "alpha" } }, ["web01", "db01", "db02"]],
      [{ host: { gt: "alpha" } }, ["db01", "db02"]],
      [{ host: { lte: "alpha" } }, ["web01", "web02"]],
      [{ host: { contains: "ALPH" } }, ["web01", "web02"]],
      [{ host: { contains: "ωM" } }, ["db01"]],
      [{ host: { in: ["zeta", "Alpha"] } }, ["web01", "db02"]],
      [{ host: { in: "zeta,Alpha" } }, ["web01", "db02"]],
      [{ cpu: 4 }, ["web01"]],
      [{ cpu: "8.5" }, ["web02"]],
      [{ cpu: { ne: 4 } }, ["web02", "db01", "db02"]],
      [{ cpu: { gte: "4", lt: 9 } }, ["web01", "web02"]],
      [{ cpu: { lt: 0 } }, ["db01"]],
      [{ cpu: { in: [] } }, []],
      [{ cpu: { isnull: "true" } }, ["db02"]],
      [{ cpu: null }, ["db02"]],
      [{ cpu: { isnull: false } }, ["web01", "web02", "db01"]],
      [{ is_virtual: "true" }, ["web01"]],
      [{ is_virtual: false }, ["web02"]],
      [{ installed: { gt: "2025-12-31" } }, ["web01"]],
      [{ seen: { gte: "2026-02-01T13:00:00+01:00" } }, ["web01"]],
      [{ seen: { gt: "2026-02-01T12:00:00Z" } }, []],
      [{ rack: { in: "a,b" } }, ["web01", "web02"]],
      [{ tags: "Red" }, ["web01"]],
      [{ tags: { ne: "blue" } }, ["web02", "db01", "db02"]],
      [{ tags: { contains: "e" } }, ["web01", "web02"]],
      [{ tags: { isnull: true } }, ["db01", "db02"]],
      [{ name: { contains: "WEB" } }, ["web01", "web02"]],
      [{ name: { in: ["db01", "old01"] } }, ["db01"]],
      [{ id: { lte: ids[1] } }, ["web01", "web02"]],
      [{ created_at: { gte: "2026-01-20" } }, ["web02", "db01"]],
      [{ host: { contains: "a" }, cpu: { gt: 0 } }, ["web01", "web02"]],
    ]
    for (const [filter, names] of cases) expect({ filter, names: await find({ filter }) }).toEqual({ filter, names })
  })

  test("texts longer than an index reaches are compared whole", async () => {
    const seed = openSeed(await open())
    const note = await seed.entity("Note", { text: "text" })
    const long = "é𝒳".repeat(300)
    await seed.entries(note, [
      { name: "a", attrs: { text: `${long}a` } },
      { name: "b", attrs: { text: `${long}b` } },
      { name: "c", attrs: { text: "é𝒳" } },
      { name: "whole", attrs: { text: "x".repeat(65_536) } },
    ])
    const find = async (text: object) =>
      (await seed.lists.list(admin, { entity: note, filter: { text } as never })).results.map(({ name }) => name)
    expect(await find({ eq: `${long}b` })).toEqual(["b"])
    expect(await find({ in: [`${long}a`, "é𝒳"] })).toEqual(["a", "c"])
    expect(await find({ gt: `${long}a` })).toEqual(["b"])
    expect(await find({ gt: "é𝒳" })).toEqual(["a", "b"])
    expect(await find({ contains: `𝒳B` })).toEqual(["b"])
    expect(await find({ eq: "x".repeat(65_536) })).toEqual(["whole"])
  })

  test("the order is that of code points, and what has no value is last both ways", async () => {
    const seed = openSeed(await open())
    const thing = await seed.entity("Thing", { label: "string", size: "number", on: "boolean", at: "datetime" })
    const labels = ["b", "B", "a", "Ä", "ä", "𝒳", "￿", "", "a b", "a-b", "10", "9", undefined, "ß", "日本"]
    await seed.entries(
      thing,
      labels.map(
        (label, index): SeedEntry => ({
          name: `n${index}`,
          attrs:
            label === undefined
              ? {}
              : { label, size: (index * 7) % 5, on: index % 2 === 0, at: `20${10 + index}-01-01T00:00:00Z` },
        }),
      ),
    )
    const order = async (ordering: string) => (await seed.lists.list(admin, { entity: thing, ordering })).results
    const known = labels.filter((label) => label !== undefined)
    const sorted = known.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    expect((await order("label")).map(({ attrs }) => attrs.label ?? undefined)).toEqual([...sorted, undefined])
    expect((await order("-label")).map(({ attrs }) => attrs.label ?? undefined)).toEqual([
      ...sorted.toReversed(),
      undefined,
    ])
    const bySize = await order("-size,-name")
    expect(bySize.at(-1)?.attrs.size).toBe(null)
    expect(bySize.map(({ attrs, name }) => [attrs.size, name]).slice(0, 3)).toEqual([
      [4, "n7"],
      [4, "n2"],
      [3, "n9"],
    ])
    expect((await order("on"))[0]?.attrs.on).toBe(false)
    expect((await order("-at"))[0]?.name).toBe("n14")
    for (const last of ["-created_at,-id", "-id"]) expect((await order(last))[0]?.name).toBe("n14")
  })

  test("all that does not fit is refused at once, with its path", async () => {
    const { lists } = await openServers()
    const query = {
      entity: "Server",
      filter: {
        nothing: 1,
        cpu: { gte: "many", like: "4", contains: "4" },
        owner: { gt: 1 },
        installed: "2026-02-30",
        is_virtual: "maybe",
        host: { isnull: "perhaps" },
      },
      ordering: "-tags",
      limit: 0,
      offset: -1,
      is_active: "some",
      created_from: "yesterday",
    }
    const refused = lists.list(admin, query as never)
    await expect(refused).rejects.toMatchObject({ code: "VALIDATION_FAILED" })
    const { issues } = await refused.catch((error) => error)
    expect(issues.map(({ path }: { path: string }) => path).toSorted()).toEqual([
      "created_from",
      "filter.cpu.contains",
      "filter.cpu.gte",
      "filter.cpu.like",
      "filter.host.isnull",
      "filter.installed",
      "filter.is_virtual",
      "filter.nothing",
      "filter.owner.gt",
      "is_active",
      "limit",
      "offset",
      "ordering",
    ])
  })

  test("a filter by attribute needs one entity", async () => {
    const { lists } = await openServers()
    for (const query of [{ filter: { cpu: 4 } }, { ordering: "cpu" }]) {
      await expect(lists.list(admin, query)).rejects.toMatchObject({ code: "VALIDATION_FAILED" })
    }
    expect((await lists.list(admin, { filter: { name: "db01" }, ordering: "-name" })).count).toBe(1)
    await expect(lists.list(admin, { entity: "Nothing" })).rejects.toMatchObject({ code: "NOT_FOUND" })
    await expect(lists.list(admin, { entity: 999 })).rejects.toMatchObject({ code: "NOT_FOUND" })
  })

  test("a list over entities has each entry with its own attributes", async () => {
    const { lists, entity, entries } = await openServers()
    await entries(await entity("Rack", { height: "number" }), [{ name: "rack", attrs: { height: 42 } }])
    const { count, results } = await lists.list(admin, { ordering: "name" })
    expect(count).toBe(5)
    expect(results[2]).toMatchObject({ name: "rack", entity: { name: "Rack" }, attrs: { height: 42 } })
  })

  test("is_active picks active ones, deleted ones or all", async () => {
    const { find, lists } = await openServers()
    expect(await find({ is_active: false })).toEqual(["old01"])
    expect(await find({ is_active: "all", filter: { cpu: 4 } })).toEqual(["web01", "old01"])
    expect(await lists.count(admin, { is_active: "all" })).toBe(5)
  })

  test("counts and aggregates take the filters of lists", async () => {
    const { lists, entity, entries, server } = await openServers()
    const rack = await entity("Rack", {})
    await entity("Empty", {})
    await entries(rack, [{ name: "r1" }, { name: "r2", is_active: false }])
    expect(await lists.count(admin, {})).toBe(5)
    expect(await lists.count(admin, { entity: "Server", filter: { cpu: { gt: 0 } } })).toBe(2)
    expect(await lists.count(admin, { created_from: "2026-01-20T10:00:00Z", created_to: "2026-01-30" })).toBe(2)
    expect(await lists.aggregate(admin, { group_by: "entity" })).toEqual([
      { entity: { id: rack, name: "Rack" }, count: 2, active: 1 },
      { entity: { id: server, name: "Server" }, count: 5, active: 4 },
    ])
    expect(await lists.aggregate(admin, { group_by: "entity", is_active: false, entity: "Server" })).toEqual([
      { entity: { id: server, name: "Server" }, count: 1, active: 0 },
    ])
    const refused = lists.aggregate(admin, { group_by: "name" as never })
    await expect(refused).rejects.toMatchObject({ issues: [{ path: "group_by" }] })
  })

  test("what a user may not read is in no list, no count and no aggregate", async () => {
    const seed = openSeed(await open())
    const user = toTestUser("user")
    const open_ = await seed.entity("Open", {
      seen: "string",
      hidden: { type: "string", is_public: false },
      default: { type: "string", is_public: false, default_permission: "readable" },
    })
    const closed = await seed.entity("Closed", {}, { is_public: false })
    await seed.entries(open_, [
      { name: "one", attrs: { seen: "s", hidden: "secret", default: "d" } },
      { name: "two", is_public: false },
      { name: "three", is_public: false, default_permission: "writable" },
    ])
    await seed.entries(closed, [{ name: "four" }])
    const { count, results } = await seed.lists.list(user, {})
    expect([count, ...results.map(({ name }) => name)]).toEqual([2, "one", "three"])
    expect(results[0]?.attrs).toEqual({ seen: "s", default: "d" })
    expect((await seed.lists.list(user, { entity: "Open" })).results[0]?.attrs).toEqual({ seen: "s", default: "d" })
    expect(await seed.lists.count(user, {})).toBe(2)
    expect(await seed.lists.aggregate(user, { group_by: "entity" })).toMatchObject([{ count: 2, active: 2 }])
    await expect(seed.lists.list(user, { entity: "Closed" })).rejects.toMatchObject({ code: "NOT_FOUND" })
    for (const query of [{ filter: { hidden: "secret" } }, { ordering: "hidden" }]) {
      const refused = await seed.lists.list(user, { entity: "Open", ...query }).catch((error) => error)
      const unknown = await seed.lists
        .list(user, JSON.parse(JSON.stringify({ entity: "Open", ...query }).replaceAll("hidden", "nowhere")))
        .catch((error) => error)
      expect(refused.message.replaceAll("hidden", "nowhere")).toBe(unknown.message)
    }
    expect((await seed.lists.list(user, { entity: "Open", filter: { default: "d" } })).count).toBe(1)
  })
})
