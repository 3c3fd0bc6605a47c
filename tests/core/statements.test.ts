import { expect, test } from "bun:test"
import { eachDatabase } from "../support/database.ts"
import { admin, openSeed, toTestUser } from "../support/entry-seed.ts"

eachDatabase((_, open) => {
  async function openCounted(many: number) {
    const statements: string[] = []
    const place = { ...(await open.place()), onStatement: (text: string) => void statements.push(text) }
    const seed = openSeed(await open({ place }))
    const owners = await seed.entity("Owner", {})
    const [first = 0] = await seed.entries(owners, [{ name: "owner" }])
    const attributes = {
      cpu: "number",
      owner: "object",
      others: "array_object",
      contact: "named_object",
      secret: { type: "string", is_public: false },
    } as const
    const attrs = { cpu: 1, owner: first, others: [first], contact: { name: "c", id: first }, secret: "s" }
    // several entities, so that a list over all of them meets several
    for (const name of ["Server", "Rack", "Site"]) {
      const id = await seed.entity(name, attributes)
      await seed.entries(
        id,
        Array.from({ length: many }, (_, index) => ({ name: `${name}-${index}`, attrs })),
      )
    }
    return async (work: (lists: typeof seed.lists) => Promise<unknown>) => {
      statements.length = 0
      await work(seed.lists)
      return statements.length
    }
  }

  test("a list of 100 entries with references costs as many statements as a list of few", async () => {
    const few = await openCounted(2)
    const many = await openCounted(100)
    const user = toTestUser("user")
    const works: ((lists: Parameters<Parameters<typeof few>[0]>[0]) => Promise<unknown>)[] = []
    for (const who of [admin, user]) {
      works.push(
        (lists) => lists.list(who, { entity: "Server", filter: { cpu: 1 }, ordering: "-cpu", limit: 1 }),
        (lists) => lists.list(who, { entity: "Server", limit: 100, search: "server" }),
        (lists) => lists.list(who, { limit: 1000, ordering: "name" }),
        (lists) => lists.search(who, "rack-", { limit: 100 }),
        (lists) => lists.count(who, {}),
        (lists) => lists.aggregate(who, { group_by: "entity" }),
      )
    }
    for (const work of works) {
      const [one, other] = [await few(work), await many(work)]
      // with one page full there is a count besides
      expect(other - one).toBeLessThanOrEqual(1)
      expect(other).toBeLessThanOrEqual(7)
    }
  })
})
