import { expect, test } from "bun:test"
import { sql } from "drizzle-orm"
import { createStatements } from "../../src/db/statement.ts"
import { eachDatabase } from "../support/database.ts"

eachDatabase((dialect, open) => {
  test("statements of many shapes give rows, and only so many shapes stay prepared", async () => {
    const database = await open()
    const { db, tables } = database
    await db.insert(tables.role).values([{ name: "one" }, { name: "two" }])
    const find = createStatements(database, { id: tables.role.id, name: tables.role.name })
    for (let shape = 1; shape <= 50; shape++) {
      const names = sql.join(Array(shape).fill(sql`${"two"}`), sql`, `)
      const found = await find(sql`select id, name from ${tables.role} where name in (${names})`, shape > 5)
      expect(found).toEqual([{ id: 2, name: "two" }])
    }
    if (dialect === "sqlite") return
    // one after the other, so that all were on this connection
    const prepared = db.select({ text: sql`statement` }).from(sql`pg_prepared_statements`)
    const kept = await prepared.where(sql`statement like 'select id, name from%'`)
    expect(kept).toHaveLength(32)
    expect(kept).not.toContainEqual({ text: expect.stringContaining("($1)") })
  })
})
