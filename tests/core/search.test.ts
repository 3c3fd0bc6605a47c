import { expect, test } from "bun:test"
import { eq } from "drizzle-orm"
import { eachDatabase } from "../support/database.ts"
import { admin, openSeed, toTestUser } from "../support/entry-seed.ts"

eachDatabase((_, open) => {
  async function openThings() {
    const seed = openSeed(await open())
    const find = async (q: string, user = admin) => {
      const { count, results } = await seed.lists.search(user, q)
      expect(count).toBe(results.length)
      return results.map(({ name }) => name)
    }
    return { ...seed, find }
  }

  test("search finds names and values in any letter case, names first, then by name", async () => {
    const { entity, entries, find } = await openThings()
    const server = await entity("Server", { note: "text", tags: "array_string", cpu: "number", day: "date" })
    const rack = await entity("Rack", { label: { type: "select", choices: [] }, who: "named_object" })
    await entries(server, [
      { name: "zebra", attrs: { note: "stands in TOKYO, near the door" } },
      { name: "tokyo-2" },
      { name: "apple", attrs: { tags: ["x", "ToKyO"] } },
      { name: "gone tokyo", is_active: false },
    ])
    await entries(rack, [
      { name: "Tokyo-1", attrs: { label: "R1" } },
      { name: "middle", attrs: { who: { name: "in tokyo", id: null } } },
      { name: "four", attrs: {} },
    ])
    await entries(server, [{ name: "five", attrs: { cpu: 1234.5, day: "2026-01-31" } }])
    expect(await find("tokyo")).toEqual(["Tokyo-1", "tokyo-2", "apple", "middle", "zebra"])
    expect(await find("TOKYO-")).toEqual(["Tokyo-1", "tokyo-2"])
    expect(await find("near the d")).toEqual(["zebra"])
    expect(await find("234.5")).toEqual(["five"])
    expect(await find("2026-01")).toEqual(["five"])
    expect(await find("nowhere")).toEqual([])
  })

  test("search takes any text as it is", async () => {
    const { entity, entries, find } = await openThings()
    const thing = await entity("Thing", { a: "string", b: "string" })
    const texts = [
      '50%_"off"\\',
      "日本語",
      "𝒳y",
      "ΟΔΟΣ",
      "İstanbul",
      "a\0b",
      "\ud800half",
      "x\u001fy",
      "it's; --",
      "* OR NEAR(",
      "ß",
    ]
    await entries(
      thing,
      texts.map((text, index) => ({ name: `n${String(index).padStart(2, "0")}`, attrs: { a: text, b: "end" } })),
    )
    const name = (index: number) => [`n${String(index).padStart(2, "0")}`]
    expect(await find('%_"')).toEqual(name(0))
    expect(await find('"off"\\')).toEqual(name(0))
    expect(await find("50%%")).toEqual([])
    expect(await find("日本語")).toEqual(name(1))
    expect(await find("本")).toEqual(name(1))
    expect(await find("𝒳y")).toEqual(name(2))
    expect(await find("𝒳")).toEqual(name(2))
    expect(await find("οδοσ")).toEqual(name(3))
    expect(await find("ΟΔΟς")).toEqual(name(3))
    expect(await find("İSTANBUL")).toEqual(name(4))
    expect(await find("a\0b")).toEqual(name(5))
    expect(await find("\ud800half")).toEqual(name(6))
    expect(await find("x\u001fy")).toEqual(name(7))
    expect(await find("it's; --")).toEqual(name(8))
    expect(await find("* or near(")).toEqual(name(9))
    expect(await find("ß")).toEqual(name(10))
    expect(await find("\0")).toEqual([])
    // two values beside each other are no text
    expect(await find("ßend")).toEqual([])
    expect(await find("n10\u001fß")).toEqual([])
  })

  test("what a user may not read is not found", async () => {
    const { entity, entries, find, lists } = await openThings()
    const user = toTestUser("user")
    const open_ = await entity("Open", { seen: "string", hidden: { type: "string", is_public: false } })
    const closed = await entity("Closed", { seen: "string" }, { is_public: false })
    await entries(open_, [
      { name: "one", attrs: { seen: "needle" } },
      { name: "two", attrs: { hidden: "needle" } },
      { name: "three needle", attrs: { hidden: "needle" } },
      { name: "four", attrs: { seen: "needle" }, is_public: false },
      { name: "five", attrs: { seen: "dle", hidden: "nee" } },
    ])
    await entries(closed, [{ name: "six needle", attrs: { seen: "needle" } }])
    expect(await find("needle")).toEqual(["six needle", "three needle", "four", "one", "two"])
    expect(await find("needle", user)).toEqual(["three needle", "one"])
    expect(await find("dl", user)).toEqual(["three needle", "five", "one"])
    const listed = await lists.list(user, { entity: "Open", search: "needle" })
    expect(listed.results.map(({ name }) => name)).toEqual(["one", "three needle"])
    expect(await lists.count(user, { search: "NEEDLE" })).toBe(2)
  })

  test("a removed attribute's values are not found", async () => {
    const database = await open()
    const { entity, entries, lists } = openSeed(database)
    const thing = await entity("Thing", { kept: "string", removed: { type: "string", is_active: false } })
    await entries(thing, [{ name: "one", attrs: { kept: "needle" } }, { name: "two" }])
    await database.db.update(database.tables.entry).set({ search: "two\u001fneedle" })
    expect((await lists.search(admin, "needle")).results.map(({ name }) => name)).toEqual(["one"])
    expect((await lists.list(admin, { entity: thing, search: "needle" })).count).toBe(1)
  })

  test("what was written again is found as it is now", async () => {
    const database = await open()
    const { entity, entries, lists } = openSeed(database)
    const [id] = await entries(await entity("Thing", {}), [{ name: "before" }, { name: "other" }])
    const { db, tables } = database
    await db
      .update(tables.entry)
      .set({ name: "after", search: "after\u001f" })
      .where(eq(tables.entry.id, id as number))
    expect((await lists.search(admin, "before")).count).toBe(0)
    expect((await lists.search(admin, "after")).count).toBe(1)
  })

  test("search is paged, and needs something to look for", async () => {
    const { entity, entries, lists } = await openThings()
    await entries(
      await entity("Thing", {}),
      ["one", "two", "three"].map((name) => ({ name: `${name} x` })),
    )
    const page = await lists.search(admin, "x", { limit: 1, offset: 1 })
    expect([page.count, page.results[0]?.name]).toEqual([3, "three x"])
    await expect(lists.search(admin, "")).rejects.toMatchObject({ issues: [{ path: "q" }] })
    await expect(lists.search(admin, "x".repeat(1001))).rejects.toMatchObject({ code: "VALIDATION_FAILED" })
  })
})
