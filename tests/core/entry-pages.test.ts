import { expect, test } from "bun:test"
import type { Filter } from "../../src/core/lists/filters.ts"
import { eachDatabase } from "../support/database.ts"
import { admin, openSeed, toTestUser } from "../support/entry-seed.ts"

eachDatabase((_, open) => {
  test("pages in the order of an attribute join without a gap, over to what has no value", async () => {
    const seed = openSeed(await open())
    const user = toTestUser("user")
    const thing = await seed.entity("Thing", { size: "number", label: "string", tags: "array_string" })
    await seed.entries(
      thing,
      Array.from({ length: 37 }, (_, at) => ({
        name: `n${at}`,
        is_active: at % 9 !== 0,
        is_public: at % 7 !== 0,
        attrs: { ...(at % 3 && { size: (at * 5) % 4, label: `l${at % 5}` }), tags: at % 2 ? ["odd", "odd", "x"] : [] },
      })),
    )
    const filters: (Filter | undefined)[] = [
      undefined,
      { tags: "odd" },
      { tags: { ne: "odd" } },
      { label: { contains: "L" } },
      { tags: { isnull: true } },
    ]
    for (const who of [admin, user]) {
      for (const filter of filters) {
        const all = await seed.lists.list(who, { entity: thing, filter, limit: 1000 })
        for (const [ordering, key, sign] of [
          ["size", "size", 1],
          ["-size", "size", -1],
          ["label", "label", 1],
        ] as const) {
          const sorted = all.results.toSorted((a, b) => {
            const [one, other] = [a.attrs[key] ?? null, b.attrs[key] ?? null]
            if (one === other) return a.id - b.id
            if (one === null || other === null) return one === null ? 1 : -1
            return one < other ? -sign : sign
          })
          const found: number[] = []
          for (let offset = 0; offset < all.count + 5; offset += 5) {
            const page = await seed.lists.list(who, { entity: thing, filter, ordering, limit: 5, offset })
            expect(page.count).toBe(all.count)
            found.push(...page.results.map(({ id }) => id))
          }
          expect(found).toEqual(sorted.map(({ id }) => id))
        }
      }
    }
  })
})
