import { expect, test } from "bun:test"
import { openTestCore, rootUser as root } from "../support/core.ts"
import { eachDatabase } from "../support/database.ts"

const page = { limit: 1000, offset: 0 }

eachDatabase((dialect, open) => {
  test("reads cost as many statements for a hundred entries as for one", async () => {
    const statements: string[] = []
    const onStatement = (text: string) => void statements.push(text)
    const core = openTestCore(await open({ place: { ...(await open.place()), onStatement } }))
    const counts = async (work: () => Promise<unknown>) => {
      await work()
      statements.length = 0
      await work()
      return statements.length
    }
    const target = await core.entities.create(root, { name: "Target" })
    const { id } = await core.entries.create(root, target.id, { name: "it" })
    const ana = core.person("ana")
    const sources: number[] = []
    for (const name of ["One", "Two", "Three"]) {
      const fields = [
        { name: "to", type: "object" },
        { name: "secret", type: "string" },
      ]
      const entity = await core.entities.create(root, { name, attrs: fields })
      const closed = { is_public: false, default_permission: "nothing", roles: [] }
      await core.acls.set(root, "attribute", entity.attrs[1]?.id ?? 0, closed)
      sources.push(entity.id)
    }
    const refer = (from: number, name: string) => core.entries.create(root, from, { name, attrs: { to: id } })
    await refer(sources[0] as number, "first")
    const few = await counts(() => core.entries.referrals(ana, id, page))
    for (let number = 0; number < 100; number++) await refer(sources[number % 3] as number, `e${number}`)
    expect(await counts(() => core.entries.referrals(ana, id, page))).toBe(few)
    expect((await core.entries.referrals(ana, id, page)).results).toHaveLength(101)
    expect(await counts(() => core.entries.get(root, id))).toBe(1)
    expect(await counts(() => core.entries.get(ana, id))).toBe(2)
    const before = await counts(() => core.entries.history(root, id, page))
    for (let number = 0; number < 20; number++) await core.entries.update(root, id, { name: `it${number}` })
    expect(await counts(() => core.entries.history(root, id, page))).toBe(before)
  })

  test("a new entry is written by one statement where each is a way to the server", async () => {
    const statements: string[] = []
    const onStatement = (text: string) => void statements.push(text)
    const core = openTestCore(await open({ place: { ...(await open.place()), onStatement } }))
    const { id } = await core.entities.create(root, { name: "Server", attrs: [{ name: "cpu", type: "number" }] })
    await core.entries.create(root, id, { name: "web01", attrs: { cpu: 8 } })
    statements.length = 0
    await core.entries.create(root, id, { name: "web02", attrs: { cpu: 8 } })
    // the entity is read before; on SQLite there are the rows, the values, the history, and the transaction around them
    expect(statements).toHaveLength(dialect === "postgres" ? 2 : 6)
  })
})
