import { expect, test } from "bun:test"
import { codeOf, eachPluginDatabase, toMigration } from "../../support/plugin-database.ts"

const init = toMigration(
  "0001_init",
  `create table author (name text primary key);
   -- what they wrote; and when
   create table note (id integer primary key, author text references author (name), text text);
   insert into author (name) values ('a;b''c');`,
)
const seen = toMigration("0002_seen", "alter table note add seen_at text")
const broken = toMigration(
  "0002_broken",
  "alter table note add seen_at text; insert into note (id) values (1); selekt 1",
)

eachPluginDatabase((dialect, open) => {
  test("migrations run once, in order, and the data stays", async () => {
    const db = (await open()).open("p")
    expect(await db.migrate([init])).toEqual(["0001_init"])
    await db.run("insert into note (id, author) values (1, 'a;b''c')")
    expect(await db.migrate([init, seen])).toEqual(["0002_seen"])
    expect(await db.migrate([init, seen])).toEqual([])
    expect(await db.all("select id, seen_at from note")).toEqual([{ id: 1, seen_at: null }])
    expect(await db.all("select name from _migration order by name")).toEqual([
      { name: "0001_init" },
      { name: "0002_seen" },
    ])
  })

  test("one that fails is taken back as a whole and named with its reason", async () => {
    const db = (await open()).open("p")
    await db.migrate([init])
    const error = await db.migrate([init, broken]).catch((error) => error)
    expect(error).toMatchObject({ code: "MIGRATION_FAILED", plugin: "p" })
    expect(error.message).toStartWith(
      'Cannot migrate the database of plugin "p": "0002_broken" failed and was taken back',
    )
    expect(await db.all("select * from note")).toEqual([])
    expect(await codeOf(db.all("select seen_at from note"))).toBe("QUERY_FAILED")
    expect(await db.migrate([init, seen])).toEqual(["0002_seen"])
  })

  test("one that ran and has changed is refused with both checksums", async () => {
    const db = (await open()).open("p")
    await db.migrate([init])
    const error = await db.migrate([{ ...init, checksum: "another" }, seen]).catch((error) => error)
    expect(error).toMatchObject({ code: "MIGRATION_CHANGED", plugin: "p" })
    expect(error.message).toContain(`"0001_init" was applied as "${init.checksum}", this version has it as "another"`)
    expect(await codeOf(db.all("select seen_at from note"))).toBe("QUERY_FAILED")
  })

  test("one that ran and is missing is refused: at the end as a newer database, before that as a change", async () => {
    const db = (await open()).open("p")
    await db.migrate([init, seen])
    const newer = await db.migrate([init]).catch((error) => error)
    expect(newer.code).toBe("DATABASE_NEWER")
    expect(newer.message).toContain(
      'applied "0002_seen", which this one does not have; take that version again ("pagoda plugin update p")',
    )
    const missing = await db.migrate([seen]).catch((error) => error)
    expect(missing.code).toBe("MIGRATION_CHANGED")
    expect(missing.message).toContain('"0001_init" was applied as')
  })

  test("two hosts that start at once apply each migration once", async () => {
    const databases = await open()
    const slow = Array.from({ length: 5 }, (_, at) => toMigration(`000${at}`, `create table t${at} (id integer)`))
    const applied = await Promise.all([1, 2, 3].map(() => databases.open("p").migrate(slow)))
    expect(applied.flat().sort()).toEqual(slow.map(({ name }) => name))
  }, 20_000)

  test("a migration may not open files, and may not end its own transaction", async () => {
    const db = (await open()).open("p")
    for (const sql of [
      "create table a (id integer); commit",
      "begin; create table a (id integer)",
      "attach 'x' as y",
    ]) {
      expect(await codeOf(db.migrate([toMigration("0001", sql)]))).toBe("MIGRATION_FAILED")
    }
    expect(await codeOf(db.all("select * from a"))).toBe("QUERY_FAILED")
  })

  if (dialect === "sqlite") {
    test("rebuilding a table deletes nothing that refers to it, and what then refers to nothing is refused", async () => {
      const db = (await open()).open("p")
      await db.migrate([init])
      await db.run("insert into note (id, author) values (1, 'a;b''c')")
      const rebuild = `PRAGMA foreign_keys=OFF;
        create table author_new (name text primary key, born text);
        insert into author_new (name) select name from author;
        drop table author; alter table author_new rename to author; PRAGMA foreign_keys=ON;`
      expect(await db.migrate([init, toMigration("0002", rebuild)])).toEqual(["0002"])
      expect(await db.all("select id from note")).toEqual([{ id: 1 }])
      const losing = toMigration("0003", "delete from author")
      expect(await codeOf(db.migrate([init, toMigration("0002", rebuild), losing]))).toBe("MIGRATION_FAILED")
      expect(await codeOf(db.run("delete from author"))).toBe("CONFLICT")
    })

    test("a trigger is one statement, its body included", async () => {
      const db = (await open()).open("p")
      const sql = `create table t (id integer, n integer);
        create trigger tr after insert on t begin
          update t set n = case when new.n is null then 0 else new.n end where id = new.id; select 1;
        end;
        insert into t (id) values (1)`
      await db.migrate([toMigration("0001", sql)])
      expect(await db.all("select n from t")).toEqual([{ n: 0 }])
      await db.run("create temp trigger again after delete on t begin insert into t (id) values (2); end")
    })
  } else {
    test("bodies of functions are one statement", async () => {
      const db = (await open()).open("p")
      const sql = `create function one() returns int language sql begin atomic; select 1; select case when true then 1 end; end;
        create function two() returns int language plpgsql as $body$ begin return 2; end $body$;
        create table t (id int)`
      await db.migrate([toMigration("0001", sql.replace("atomic;", "atomic"))])
      expect(await db.all("select one() as one, two() as two")).toEqual([{ one: 1, two: 2 }])
    })
  }
})
