import { describe, expect, test } from "bun:test"
import { join } from "node:path"
import { generateMigration, generateSQLiteMigration } from "drizzle-kit/api"
import { sql } from "drizzle-orm"
import { readSnapshots } from "../../scripts/snapshots.ts"
import type { Migration } from "../../src/db/migrate.ts"
import { postgresMigrations, sqliteMigrations } from "../../src/db/migrations.ts"
import { type Dialect, eachDatabase } from "../support/database.ts"

const migration = (name: string, text: string): Migration => ({
  name,
  sql: text,
  checksum: Bun.hash(text).toString(16),
})

const first = migration("0001_first", "create table a (id integer primary key); create table log (name text);")
const second = migration("0002_second", "insert into log values ('second')")
const third = migration("0003_third", "insert into log values ('third')")

const embedded = { sqlite: sqliteMigrations, postgres: postgresMigrations } satisfies Record<Dialect, Migration[]>

eachDatabase((dialect, open) => {
  describe("migrate()", () => {
    test("applies what is embedded in the program once, and says what", async () => {
      const database = await open({ migrate: false })
      const names = embedded[dialect].map(({ name }) => name)
      expect(names[0]).toBe("0001_init")
      expect(await database.migrate()).toEqual(names)
      expect(await database.migrate()).toEqual([])
    })

    test("runs one that was merged late, although a later one was applied", async () => {
      const database = await open({ migrate: false })
      expect(await database.migrate([first, third])).toEqual(["0001_first", "0003_third"])
      expect(await database.migrate([third, second, first])).toEqual(["0002_second"])
      const names = database.db.select({ name: sql`name` }).from(sql`log`)
      expect(await names).toEqual([{ name: "third" }, { name: "second" }])
    })

    test("refuses a database that is newer than the program, and names what it does not know", async () => {
      const database = await open({ migrate: false })
      await database.migrate([first, second])
      await expect(database.migrate([first])).rejects.toMatchObject({
        code: "DATABASE_NEWER",
        message: expect.stringContaining('"0002_second"'),
      })
    })

    test("refuses a migration that was changed after it was applied", async () => {
      const database = await open({ migrate: false })
      await database.migrate([first])
      const changed = { ...first, checksum: "other" }
      await expect(database.migrate([changed, second])).rejects.toMatchObject({ code: "MIGRATION_CHANGED" })
      expect(await database.migrate([first, second])).toEqual(["0002_second"])
    })

    test("keeps nothing of one that fails, and all of those before it", async () => {
      const database = await open({ migrate: false })
      const failing = migration("0002_failing", "insert into log values ('half'); insert into nowhere values (1)")
      await expect(database.migrate([first, failing])).rejects.toThrow("nowhere")
      expect(await database.db.select({ name: sql`name` }).from(sql`log`)).toEqual([])
      expect(await database.migrate([first, second])).toEqual(["0002_second"])
    })

    test("two replicas that start at once apply each one once", async () => {
      const place = await open.place()
      const replicas = await Promise.all([1, 2, 3].map(() => open({ place, migrate: false })))
      const applied = await Promise.all(replicas.map((replica) => replica.migrate([first, second, third])))
      expect(applied.flat().sort()).toEqual(["0001_first", "0002_second", "0003_third"])
    })

    test.if(dialect === "sqlite")("keeps the rows that refer to a table which is rebuilt", async () => {
      const database = await open({ migrate: false })
      const tables = migration(
        "0001_tables",
        `create table parent (id integer primary key, name text);
         create table child (parent integer references parent (id) on delete cascade);
         insert into parent values (1, 'a'); insert into child values (1);`,
      )
      const rebuild = migration(
        "0002_rebuild",
        `PRAGMA foreign_keys=OFF; create table __new_parent (id integer primary key, name text not null);
         insert into __new_parent select * from parent; drop table parent;
         alter table __new_parent rename to parent; PRAGMA foreign_keys=ON;`,
      )
      await database.migrate([tables, rebuild])
      expect(await database.db.select({ parent: sql`parent` }).from(sql`child`)).toEqual([{ parent: 1 }])
      const orphan = migration("0003_orphan", "insert into child values (9)")
      await expect(database.migrate([tables, rebuild, orphan])).rejects.toThrow(
        'rows of "child" refer to what is not there',
      )
      await expect(
        database.db
          .insert(database.tables.plugin_setting as never)
          .values({} as never)
          .execute(),
      ).rejects.toThrow()
    })
  })
})

test("the migrations make the schema that the code has", async () => {
  const { sqlite, postgres } = await readSnapshots(join(import.meta.dir, "../../src/db/migrations"))
  expect(await generateSQLiteMigration(sqlite.before, sqlite.now)).toEqual([])
  expect(await generateMigration(postgres.before, postgres.now)).toEqual([])
})
