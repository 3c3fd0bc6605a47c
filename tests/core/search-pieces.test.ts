import { expect, test } from "bun:test"
import { sql } from "drizzle-orm"
import { createSearchTerms } from "../../src/core/search/pieces.ts"
import { eachDatabase } from "../support/database.ts"
import { admin, openSeed } from "../support/entry-seed.ts"

const many = 4_000
const toName = (at: number) => `server-${at}.example.org`

eachDatabase((dialect, open) => {
  async function openMany() {
    const database = await open()
    const seed = openSeed(database)
    const thing = await seed.entity("Thing", {})
    const { entry } = database.tables
    const time = "2026-01-01T00:00:00.000Z"
    const written = { created_by: "test", created_at: time, updated_by: "test", updated_at: time }
    const rows = Array.from({ length: many }, (_, at) => {
      const name = toName(at)
      return { entity_id: thing, name, attrs: {}, search: `${name}\u001f`, ...written }
    })
    await database.transaction(async (handle) => {
      for (let at = 0; at < many; at += 500) await handle.insert(entry).values(rows.slice(at, at + 500))
    })
    return { ...seed, database, toTerm: createSearchTerms(database) }
  }

  test("what every entry has is not looked for beside what few have", async () => {
    const { toTerm, lists } = await openMany()
    const { pieces } = await toTerm("Server-3917.example")
    expect(pieces.length).toBeGreaterThan(0)
    for (const piece of pieces) expect(piece).toMatch(/\d/)
    const { count, results } = await lists.search(admin, "Server-3917.example")
    expect([count, results[0]?.name]).toEqual([1, toName(3917)])
  })

  test("what only common pieces, none at all or another script make up is found as well", async () => {
    const { lists, entries, entity } = await openMany()
    expect((await lists.search(admin, "example")).count).toBe(many)
    expect((await lists.search(admin, "r-39")).count).toBe(111)
    expect((await lists.search(admin, "99")).count).toBe(76)
    await entries(await entity("Site", {}), [{ name: "東京タワー" }, { name: "Ülo-Õun 100%" }])
    const find = async (q: string) => (await lists.search(admin, q)).results.map(({ name }) => name)
    expect(await find("京タワ")).toEqual(["東京タワー"])
    expect(await find("ülo-õ")).toEqual(["Ülo-Õun 100%"])
    expect(await find("un 100%")).toEqual(["Ülo-Õun 100%"])
    expect(await find("n_100")).toEqual([])
  })

  test.if(dialect === "postgres")("without the index search reads every entry", async () => {
    const { database, lists, toTerm } = await openMany()
    await database.db.execute(sql`drop extension pg_trgm cascade`)
    expect((await toTerm("server-3917")).pieces).toEqual([])
    expect((await lists.search(admin, "server-3917")).count).toBe(1)
  })

  test.if(dialect === "postgres")("writes are put aside for the index in a short list", async () => {
    const { db } = await open()
    const options = db.select({ is: sql`reloptions` }).from(sql`pg_class`)
    expect(await options.where(sql`relname = 'entry_search'`)).toEqual([{ is: ["gin_pending_list_limit=1024"] }])
  })
})
