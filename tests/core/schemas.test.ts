import { expect, test } from "bun:test"
import { eq } from "drizzle-orm"
import { openTestCore, openTestCores, rootUser } from "../support/core.ts"
import { eachDatabase } from "../support/database.ts"

const attrs = [
  { name: "cpu", type: "number", index: 2 },
  { name: "os", type: "string", index: 1 },
]

eachDatabase((dialect, open) => {
  test("a schema has its active attributes in order, and removed ones by id", async () => {
    const { entities, schemas } = openTestCore(await open())
    const { id, attrs: made } = await entities.create(rootUser, { name: "Server", attrs })
    const [os, cpu] = made
    expect([os?.name, cpu?.name]).toEqual(["os", "cpu"])
    await entities.update(rootUser, id, { attrs: [{ id: cpu?.id, is_deleted: true }] })
    const schema = await schemas.get(id)
    expect(schema?.attributes.map(({ name }) => name)).toEqual(["os"])
    expect([...(schema?.byName.keys() ?? [])]).toEqual(["os"])
    expect(schema?.byId.get(cpu?.id as number)).toMatchObject({ name: "cpu", is_active: false })
  })

  test("a version that is in memory is given again, another one is read", async () => {
    const { entities, schemas } = openTestCore(await open())
    const { id } = await entities.create(rootUser, { name: "Server", attrs })
    const first = await schemas.get(id, 1)
    expect(first?.entity.version).toBe(1)
    expect(await schemas.get(id, 1)).toBe(first as never)
    expect(await schemas.find("Server")).toBe(first as never)
    expect((await schemas.many([{ id, version: 1 }])).get(id)).toBe(first as never)
    await entities.update(rootUser, id, { note: "x" })
    expect((await schemas.get(id, 2))?.entity).toMatchObject({ version: 2, note: "x" })
  })

  test("what another process changed is seen", async () => {
    const [here, there] = await openTestCores(dialect, open)
    const { id } = await here.entities.create(rootUser, { name: "Server", attrs })
    await here.schemas.get(id)
    await there.entities.update(rootUser, id, { name: "Machine", attrs: [{ name: "ram", type: "number" }] })
    expect((await here.entities.get(rootUser, id)).attrs.map(({ name }) => name)).toEqual(["os", "cpu", "ram"])
    expect((await here.entities.list(rootUser)).results.map(({ name }) => name)).toEqual(["Machine"])
    expect(await here.schemas.find("Server")).toBeUndefined()
  })

  test("one that was deleted is found by id, not by name", async () => {
    const { entities, schemas } = openTestCore(await open())
    const { id } = await entities.create(rootUser, { name: "Server" })
    await entities.delete(rootUser, id)
    expect(await schemas.find("Server")).toBeUndefined()
    expect((await schemas.find(id))?.entity.is_active).toBe(false)
    for (const missing of [id + 1, "Other", "a\u0000", "\ud800"]) expect(await schemas.find(missing)).toBeUndefined()
  })

  test("many are given by id, each as it is now", async () => {
    const { database, entities, schemas } = openTestCore(await open())
    const ids: number[] = []
    for (const name of ["a", "b", "c"]) ids.push((await entities.create(rootUser, { name, attrs })).id)
    const { db, tables } = database
    const [b] = ids.slice(1)
    await db
      .update(tables.entity)
      .set({ note: "new", version: 7 })
      .where(eq(tables.entity.id, b as number))
    const found = await schemas.many([
      ...ids.map((id) => ({ id, version: id === b ? 7 : 1 })),
      { id: 999_999, version: 1 },
    ])
    expect(
      [...found.values()].map(({ entity, attributes }) => [entity.name, entity.version, attributes.length]).sort(),
    ).toEqual([
      ["a", 1, 2],
      ["b", 7, 2],
      ["c", 1, 2],
    ])
  })
})
