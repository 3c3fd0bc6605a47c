import { afterEach, beforeAll, describe, expect, test } from "bun:test"
import { sql } from "drizzle-orm"
import postgres from "postgres"
import { type Database, openDatabase } from "../../../src/db/database.ts"
import { createPluginDatabases } from "../../../src/plugins/database/databases.ts"
import { openPostgresClient } from "../../../src/plugins/database/postgres-client.ts"
import type { Repair } from "../../../src/plugins/database/repair.ts"
import { codeOf } from "../../support/plugin-database.ts"
import { createPostgresDatabase, startPostgres } from "../../support/postgres.ts"

const undos: (() => Promise<unknown>)[] = []
beforeAll(startPostgres, 60_000)
afterEach(async () => {
  for (const undo of undos.splice(0).reverse()) await undo()
})

type As = "superuser" | "createrole" | "plain"

/** A core's database whose user has these rights, and the databases of plugins in it. */
async function openAs(as: As) {
  const { url, drop } = await createPostgresDatabase()
  undos.push(drop)
  const own = as === "superuser" ? url : await makeOwner(url, as)
  const database = await openDatabase({ url: own, file: "" })
  undos.push(() => database.close())
  await database.migrate()
  return { ...openPlugins(database, own), url: own }
}

function openPlugins(database: Database, url: string) {
  const repairs: Repair[] = []
  const resolved: string[] = []
  const databases = createPluginDatabases({
    config: { databaseUrl: url, dataDir: "" },
    database,
    secretKey: "a key",
    repairs: { report: (repair) => repairs.push(repair), resolve: ({ plugin }) => resolved.push(plugin) },
  })
  const open = (id: string) => {
    const db = databases.open(id)
    undos.push(async () => {
      await db.close()
      await databases.drop(id)
    })
    return db
  }
  return { database, databases, repairs, resolved, open }
}

/** The database is this user's, as on a hosted server; the server is not. */
async function makeOwner(url: string, as: As): Promise<string> {
  const name = `owner_${Bun.randomUUIDv7().replaceAll("-", "")}`
  const admin = postgres(url, { max: 1, onnotice: () => {} })
  const { pathname } = new URL(url)
  await admin.unsafe(`create role ${name} login password 'owner' ${as === "createrole" ? "createrole" : ""}`)
  await admin.unsafe(`alter database ${pathname.slice(1)} owner to ${name}`)
  undos.push(async () => {
    await admin.unsafe(`drop owned by ${name} cascade`).catch(() => {})
    await admin.unsafe(`alter database ${pathname.slice(1)} owner to current_user`)
    await admin.unsafe(`drop role ${name}`)
    await admin.end()
  })
  return Object.assign(new URL(url), { username: name, password: "owner" }).href
}

const me = "select current_user::text as role, current_schema()::text as schema"

describe.each([["superuser"], ["createrole"]] as [As][])("where the core is a %s", (as) => {
  test("a plugin has a role and a schema of its own, and reaches nothing else", async () => {
    const { open, repairs, url } = await openAs(as)
    const core = new URL(url).username
    const db = open("guest-book")
    await db.run("create table visit (name text)")
    const [who] = (await db.all(me)) as { role: string; schema: string }[]
    expect(who).toEqual({ role: expect.stringMatching(/^plugin_guest_book_db\d+$/), schema: "plugin_guest_book" })
    await open("other").run("create table secret (id int)")

    const denied = async (text: string) => {
      const error = await db.all(text).catch((error) => error)
      expect([text, error?.code, /42501|permission denied|3F000/.test(error?.message)]).toEqual([
        text,
        "QUERY_FAILED",
        true,
      ])
    }
    for (const table of ["user", "entry", "job", "session", "apikey", "meta", "plugin_setting", "migration"]) {
      await denied(`select * from public."${table}"`)
      await denied(`delete from public."${table}"`)
    }
    await denied("select * from plugin_other.secret")
    await denied("create table public.mine (id int)")
    await denied("create schema mine")
    await denied("create role mine")
    await denied("drop schema plugin_guest_book")
    await denied(`alter table public."user" add mine text`)
    await db.run(`create view mine as select * from public."user"`)
    await denied("select * from mine")
    expect(
      await db.all(`select rolsuper or rolcreatedb or rolcreaterole or rolinherit or rolbypassrls as may
      from pg_roles where rolname = current_user`),
    ).toEqual([{ may: false }])
    // what a body can run does not get further either
    await denied("do $$ begin execute 'select * from public.\"user\"'; end $$")
    await denied(`select set_config('role', '${core}', false)`)
    expect(repairs).toEqual([])
  }, 30_000)

  test("a second start takes the role that is there, and a new key gives it a new password", async () => {
    const { open, database, url } = await openAs(as)
    await open("p").run("create table t (id int)")
    const again = openPlugins(database, url).databases.open("p")
    expect(await again.all("select * from t")).toEqual([])
    await again.close()
    const renewed = createPluginDatabases({
      config: { databaseUrl: url, dataDir: "" },
      database,
      secretKey: "another key",
      repairs: { report: () => {}, resolve: () => {} },
    }).open("p")
    expect(await renewed.all("select * from t")).toEqual([])
    await renewed.close()
  }, 30_000)

  test("tables of a restored dump, which are the core's, become the plugin's", async () => {
    const { open, database } = await openAs(as)
    for (const text of [
      "create schema plugin_p",
      "create table plugin_p.t (id bigint generated by default as identity primary key)",
      "create view plugin_p.v as select * from plugin_p.t",
      "insert into plugin_p.t default values",
    ]) {
      await database.db.execute(sql.raw(text))
    }
    const db = open("p")
    expect(await db.all("insert into t default values returning id")).toEqual([{ id: 2 }])
    await db.run("alter table t add name text")
    expect(await db.all("select count(*) as n from v")).toEqual([{ n: 2 }])
  }, 30_000)

  test("purging takes the schema and the role, and nothing else", async () => {
    const { databases, open, database } = await openAs(as)
    const db = databases.open("p")
    await db.run("create table t (id int)")
    await db.run("insert into t values (1), (2)")
    await open("other").run("create table t (id int)")
    expect(await databases.inspect("p")).toEqual({
      where: 'schema "plugin_p"',
      bytes: expect.any(Number),
      sessions: 1,
      tables: [{ name: "t", rows: 2 }],
    })
    expect(await codeOf(databases.drop("p"))).toBe("CONFLICT")
    await db.close()
    expect(await databases.drop("p")).toBe(true)
    expect(await databases.drop("p")).toBe(false)
    expect(await databases.inspect("p")).toBeUndefined()
    const left = await database.db.execute(sql`select nspname from pg_namespace where nspname like 'plugin%'`)
    expect([...left]).toEqual([{ nspname: "plugin_other" }])
  }, 30_000)
})

test("where no role can be made the plugin has a schema, and a repair entry says so", async () => {
  const { open, repairs, resolved, database, url } = await openAs("plain")
  const db = open("p")
  await db.run("create table t (id int)")
  expect(await db.all(me)).toEqual([{ role: new URL(url).username, schema: "plugin_p" }])
  expect(repairs).toMatchObject([{ plugin: "p", code: "PLUGIN_DATABASE_ROLE", severity: "warning" }])
  expect(resolved).toEqual([])
  expect(JSON.stringify(repairs)).not.toContain("owner@")
  const [public_] = await database.db.execute(sql`select to_regclass('public.t') as t`)
  expect(public_).toEqual({ t: null })
}, 30_000)

test("where not even a schema can be made the error says what to grant", async () => {
  const { databases, database, url } = await openAs("plain")
  const name = new URL(url).username
  const [row] = await database.db.execute(sql`select current_database() as name`)
  const admin = postgres(Object.assign(new URL(await startPostgres()), { pathname: `/${row?.name}` }).href, { max: 1 })
  await admin.unsafe(`alter database ${row?.name} owner to current_user`)
  await admin.unsafe(`revoke create on database ${row?.name} from ${name}`)
  await admin.end()
  const db = databases.open("p")
  const error = await db.all("select 1").catch((error) => error)
  expect(error).toMatchObject({ code: "DATABASE_FORBIDDEN", plugin: "p" })
  expect(error.message).toContain('may not make the schema "plugin_p"')
  await db.close()
}, 30_000)

test("what everybody was let into on the core's tables is taken back", async () => {
  const { database, open } = await openAs("superuser")
  await database.db.execute(sql`grant select on all tables in schema public to public`)
  expect(await codeOf(open("p").all(`select * from public."user"`))).toBe("QUERY_FAILED")
}, 30_000)

test("where everybody may make something in the core's schema that is taken back", async () => {
  const { database, open } = await openAs("superuser")
  await database.db.execute(sql`grant create on schema public to public`)
  const made = open("p").run("create function public.mine(text) returns text language sql as 'select null::text'")
  expect(await codeOf(made)).toBe("QUERY_FAILED")
}, 30_000)

test("a role that can log in again takes the place of the core's user, and the repair entry goes", async () => {
  const { open, repairs, resolved, database, url } = await openAs("plain")
  const shared = open("p")
  await shared.run("create table t (id int)")
  await shared.close()
  expect(repairs).toMatchObject([{ plugin: "p", code: "PLUGIN_DATABASE_ROLE" }])
  const [row] = await database.db.execute(sql`select current_database() as name`)
  const superuser = Object.assign(new URL(await startPostgres()), { pathname: `/${row?.name}` }).href
  const admin = await openDatabase({ url: superuser, file: "" })
  undos.push(() => admin.close())
  const made = openPlugins(admin, superuser).open("p")
  await made.all("select * from t")
  await made.close()
  const again = openPlugins(database, url)
  const db = again.databases.open("p")
  expect(await db.all(me)).toMatchObject([{ role: expect.stringMatching(/^plugin_p_db\d+$/) }])
  await db.close()
  expect([again.repairs, again.resolved, resolved]).toEqual([[], ["p"], []])
}, 30_000)

test("connections of a plugin without a role keep it from being purged", async () => {
  const { databases, open } = await openAs("plain")
  const db = open("p")
  await db.run("create table t (id int)")
  expect(await databases.inspect("p")).toMatchObject({ sessions: 1 })
  expect(await codeOf(databases.drop("p"))).toBe("CONFLICT")
}, 30_000)

test("a table whose rows cannot be counted is purged all the same", async () => {
  const { databases } = await openAs("superuser")
  const db = databases.open("p")
  await db.run("create table a (id int)")
  await db.run("create table b (id int)")
  await db.run("do $$ begin execute 'revoke all on a from current_user'; end $$")
  await db.close()
  const tables = [
    { name: "a", rows: undefined },
    { name: "b", rows: 0 },
  ]
  expect(await databases.inspect("p")).toMatchObject({ tables })
  expect(await databases.drop("p")).toBe(true)
}, 30_000)

test("a statement that runs too long is ended by the server, and the error says so", async () => {
  const { url, open } = await openAs("superuser")
  const client = openPostgresClient(url, "public", undefined)
  const [row] = await client.sql`select current_setting('statement_timeout') as longest`
  expect(row?.longest).toBe("30s")
  await client.end()
  const statements = [{ sql: "select set_config('statement_timeout', '20ms', true)" }, { sql: "select pg_sleep(60)" }]
  const error = await open("p")
    .transaction(statements)
    .catch((error) => error)
  expect(error).toMatchObject({ code: "QUERY_FAILED", message: expect.stringContaining("statement timeout (57014)") })
}, 30_000)
