import { expect, test } from "bun:test"
import type { Filter } from "../../src/core/lists/filters.ts"
import { eachDatabase } from "../support/database.ts"
import { admin, openSeed, toTestUser } from "../support/entry-seed.ts"

eachDatabase((dialect, open) => {
  async function openMany() {
    const statements: string[] = []
    const place = { ...(await open.place()), onStatement: (text: string) => void statements.push(text) }
    const seed = openSeed(await open({ place }))
    const thing = await seed.entity("Thing", { size: "number", label: "string", tags: "array_string" })
    const entries = Array.from({ length: 700 }, (_, at) => ({
      name: `n${at}`,
      is_active: at % 50 !== 0,
      is_public: at % 33 !== 0,
      // the greatest and the last ones are never odd, so that what is odd is not near
      attrs: {
        ...(at % 7 && { size: (at * 5) % 97, label: `l${(at * 13) % 11}` }),
        tags: at % 2 && (at * 5) % 97 < 60 ? ["odd", "odd"] : ["even"],
      },
    }))
    const ids = await seed.entries(thing, entries)
    const find = (user: typeof admin, filter: Filter | undefined, ordering: string, offset: number) =>
      seed.lists.list(user, { entity: thing, filter, ordering, offset, limit: 40 })
    return { statements, find, entries: entries.map((entry, at) => ({ ...entry, id: ids[at] as number })) }
  }

  test("a filter that finds some hundreds gives the same pages as sorting all of them would", async () => {
    const { find, entries } = await openMany()
    const filters: [Filter, (entry: (typeof entries)[number]) => boolean][] = [
      [{ tags: "odd" }, ({ attrs }) => attrs.tags.includes("odd")],
      [{ tags: { ne: "odd" } }, ({ attrs }) => !attrs.tags.includes("odd")],
      [{ tags: "even", size: { gte: 20 } }, ({ attrs }) => attrs.tags.includes("even") && (attrs.size as number) >= 20],
      [{ size: { isnull: false } }, ({ attrs }) => attrs.size !== undefined],
    ]
    for (const user of [admin, toTestUser("user")]) {
      for (const [filter, fits] of filters) {
        const listed = entries.filter((entry) => entry.is_active && (user === admin || entry.is_public) && fits(entry))
        expect(listed.length).toBeGreaterThan(200)
        for (const [ordering, key, sign] of [
          ["-size", "size", -1],
          ["label", "label", 1],
        ] as const) {
          const sorted = listed.toSorted((a, b) => {
            const [one, other] = [a.attrs[key] ?? null, b.attrs[key] ?? null]
            if (one === other) return a.id - b.id
            if (one === null || other === null) return one === null ? 1 : -1
            return one < other ? -sign : sign
          })
          for (const offset of [0, listed.length - 45, listed.length - 3, 5_000]) {
            const { count, results } = await find(user, filter, ordering, offset)
            expect(count).toBe(listed.length)
            expect(results.map(({ id }) => id)).toEqual(sorted.slice(offset, offset + 40).map(({ id }) => id))
          }
        }
      }
    }
  })

  test.if(dialect === "postgres")("a page of them is counted and found in one statement", async () => {
    const { find, statements } = await openMany()
    const few = { label: "l3", tags: "even" }
    for (const filter of [{ tags: "even" }, few]) {
      await find(admin, filter, "-size", 0)
      statements.length = 0
      expect((await find(admin, filter, "-size", 0)).results.length).toBeGreaterThan(30)
      expect(statements).toEqual([expect.stringContaining('from "entity"'), expect.stringContaining("counted")])
    }
  })
})
