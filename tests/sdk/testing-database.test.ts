import { expect, test } from "bun:test"
import { type Api, definePlugin, defineTables, job } from "@pagoda/sdk"
import { testPlugin } from "@pagoda/sdk/testing"

const tables = defineTables((kit) => ({
  visit: kit.table("visit", {
    name: kit.text().primaryKey(),
    count: kit.integer().notNull(),
    tags: kit.json<string[]>(),
  }),
}))

const plugin = definePlugin({
  id: "guest-book",
  name: "Guest Book",
  version: "1.0.0",
  permissions: ["db"],
  migrations: [
    {
      name: "0001",
      up: "create table visit (name text primary key, count bigint not null); create table other (id int)",
    },
    { name: "0002", up: { sqlite: "alter table visit add tags text", postgres: "alter table visit add tags json" } },
  ],
  initialize: async (api) => void (await api.db.run("insert into visit values ('first', ?, ?)", [0, ["a"]])),
  jobs: { 300: job({ name: "COUNT", run: async ({ api }) => api.db.drizzle.$count(tables(api.db).visit) }) },
  routes: (app) =>
    app
      .get("/visits", async ({ api }) => api.db.drizzle.select().from(tables(api.db).visit))
      .post("/visits/:name", async ({ api, params }) => {
        await api.db.drizzle.insert(tables(api.db).visit).values({ name: params.name, count: 1 })
        return { ok: true }
      }),
})

const using = async <T>(work: (db: Api["db"]) => Promise<T>): Promise<T> => {
  const results: T[] = []
  const asking = definePlugin({
    ...plugin,
    jobs: { 301: job({ name: "ASK", run: async ({ api }) => void results.push(await work(api.db)) }) },
  })
  await using tested = await testPlugin(asking)
  const { error } = await tested.runJob(301)
  if (error !== null) throw new Error(error)
  return results[0] as T
}

test("testPlugin() gives a database in memory with the plugin's migrations, a new one each time", async () => {
  for (let time = 0; time < 2; time++) {
    await using tested = await testPlugin(plugin)
    expect((await tested.request("/visits/Ada", { method: "POST" })).status).toBe(200)
    expect((await tested.request("/visits/Ada", { method: "POST" })).status).toBe(409)
    expect(await (await tested.request("/visits")).json()).toEqual([
      { name: "first", count: 0, tags: ["a"] },
      { name: "Ada", count: 1, tags: null },
    ])
    expect((await tested.runJob(300)).text).toBe("2")
  }
})

test("a plugin without the permission is refused with 403", async () => {
  await using tested = await testPlugin({ ...plugin, initialize: undefined }, { permissions: [] })
  const response = await tested.request("/visits")
  expect(response.status).toBe(403)
  expect(await response.json()).toMatchObject({ code: "PERMISSION_MISSING" })
})

test("its calls answer as the host's do", async () => {
  const answers = await using(async (db) => [
    await db.all("select 9007199254740993 as big, 1.5 as f, unhex('00ff') as b, 9e999 as i, null as n"),
    await db.all("select 1 as id, 2 as id", [], { arrays: true }),
    await db.run("insert into visit (name, count) values ('a', 1), ('b', 2)"),
    await db.run("delete from visit where name = ?", ["a"]),
    await db.transaction([
      { sql: "update visit set count = count + 1 returning name" },
      { sql: "select count(*) as n from visit" },
    ]),
  ])
  expect(answers).toEqual([
    [{ big: "9007199254740993", f: 1.5, b: "00ff", i: "Infinity", n: null }],
    [[1, 2]],
    { changes: 2 },
    { changes: 1 },
    [
      { rows: [{ name: "first" }, { name: "b" }], changes: 2 },
      { rows: [{ n: 2 }], changes: 0 },
    ],
  ])
})

test.each([
  ["select 1; select 2", "several statements"],
  ["begin", '"BEGIN" is not among'],
  ["/* a */ attach 'x' as y", '"ATTACH" is not among'],
  ["select * from missing", "no such table"],
])("%s is refused", async (sql, problem) => {
  expect(using((db) => db.all(sql))).rejects.toThrow(problem)
})

test("a failed transaction leaves nothing behind", async () => {
  const rows = await using(async (db) => {
    await db
      .transaction([{ sql: "insert into visit values ('x', 1, null)" }, { sql: "insert into missing values (1)" }])
      .catch(() => {})
    return db.all("select name from visit")
  })
  expect(rows).toEqual([{ name: "first" }])
})

test.each([
  ["attach '/tmp/other.sqlite' as other; create table other.mine (id)", "ATTACH"],
  ["create table mine (id); /* ' */ VACUUM into '/tmp/other.sqlite'", "VACUUM"],
  ["create table [it's] (id); attach '/tmp/other.sqlite' as other -- '", "ATTACH"],
])("a migration cannot open another file: %s", async (up, verb) => {
  const opening = definePlugin({ ...plugin, migrations: [{ name: "0001", up }] })
  await expect(testPlugin(opening)).rejects.toMatchObject({
    code: "QUERY_REFUSED",
    message: expect.stringContaining(`"${verb}" is not among`),
  })
})

test.each([
  "create temp trigger t after insert on visit begin select 1; end; attach '/tmp/other.sqlite' as other",
  "select [it's] from (select 1 as [it's]); attach '/tmp/other.sqlite' as other -- '",
])("a query cannot, either: %s", async (sql) => {
  await expect(using((db) => db.all(sql))).rejects.toThrow("is refused")
})
