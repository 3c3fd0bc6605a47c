import { expect, test } from "bun:test"
import { existsSync, statSync } from "node:fs"
import { rm } from "node:fs/promises"
import { join } from "node:path"
import { writeFiles } from "../../support/folder.ts"
import { codeOf, eachPluginDatabase } from "../../support/plugin-database.ts"

const visits = "create table visit (name text primary key, count bigint not null, seen_at text)"

eachPluginDatabase((dialect, open) => {
  test("a statement answers rows, or how many it changed", async () => {
    const db = (await open()).open("guest-book")
    await db.run(visits)
    expect(await db.run("insert into visit (name, count) values (?, ?), (?, ?)", ["Ada", 1, "Bob", 2])).toEqual({
      changes: 2,
    })
    expect(await db.all("select name, count from visit where count > ? order by name", [0])).toEqual([
      { name: "Ada", count: 1 },
      { name: "Bob", count: 2 },
    ])
    expect(await db.all("update visit set count = count + 1 where name = ? returning count", ["Ada"])).toEqual([
      { count: 2 },
    ])
    expect(await db.run("delete from visit where count = 2")).toEqual({ changes: 2 })
    expect(await db.run("select 1 as one")).toEqual({ changes: 0 })
    expect(await db.run("create index by_count on visit (count)")).toEqual({ changes: 0 })
  })

  test("arrays keep two columns of one name apart, and rows that are not there have none", async () => {
    const db = (await open()).open("p")
    expect(await db.all("select 1 as id, 2 as id", [], { arrays: true })).toEqual([[1, 2]])
    expect(await db.all("select 1 as id where 1 = 2", [], { arrays: true })).toEqual([])
  })

  test("values come back as plain JSON, the same from both databases", async () => {
    const db = (await open()).open("p")
    const types = dialect === "sqlite" ? ["blob", "text"] : ["bytea", "timestamptz"]
    await db.run(`create table t (i bigint, f double precision, s text, b ${types[0]}, at ${types[1]}, j text)`)
    const bytes = dialect === "sqlite" ? "unhex(?)" : "decode(?, 'hex')"
    const at = "2026-01-31T12:00:00.123Z"
    await db.run(`insert into t values (?, ?, ?, ${bytes}, ?, ?)`, [42, 1.5, "ü'\"\n", "00ff", at, { a: [1, null] }])
    await db.run("insert into t (i) values (?)", ["9007199254740993"])
    expect(await db.all("select * from t where s is not null")).toEqual([
      { i: 42, f: 1.5, s: "ü'\"\n", b: "00ff", at, j: '{"a":[1,null]}' },
    ])
    expect(await db.all("select i, f, b from t where s is null")).toEqual([{ i: "9007199254740993", f: null, b: null }])
    expect(await db.all("select count(*) as n, sum(f) as s, avg(f) as a, max(i) - max(i) as zero from t")).toEqual([
      { n: 2, s: 1.5, a: 1.5, zero: 0 },
    ])
    const infinite = dialect === "sqlite" ? "9e999" : "'infinity'::float8"
    expect(await db.all(`select ${infinite} as x`)).toEqual([{ x: "Infinity" }])
  })

  test("a question mark in a string, a name or a comment is none of the values", async () => {
    const db = (await open()).open("p")
    const sql = `select ? as "a?", 'why?' as b /* ? */ where ? = 1 -- ?`
    expect(await db.all(sql, ["x", 1])).toEqual([{ "a?": "x", b: "why?" }])
    expect(await codeOf(db.all("select ? as a", []))).toBe("QUERY_REFUSED")
    expect(await codeOf(db.all("select ? as a", [1, 2]))).toBe("QUERY_REFUSED")
  })

  test("a transaction is done as a whole or not at all", async () => {
    const db = (await open()).open("p")
    await db.run(visits)
    const answers = await db.transaction([
      { sql: "insert into visit (name, count) values ('Ada', ?) returning count", params: [1] },
      { sql: "update visit set count = count + 1" },
      { sql: "select count from visit" },
    ])
    expect(answers).toEqual([
      { rows: [{ count: 1 }], changes: 1 },
      { rows: [], changes: 1 },
      { rows: [{ count: 2 }], changes: 0 },
    ])
    const broken = db.transaction([
      { sql: "insert into visit (name, count) values ('Bob', 1)" },
      { sql: "insert into visit (name, count) values ('Ada', 1)" },
    ])
    expect(await codeOf(broken)).toBe("CONFLICT")
    expect(await db.all("select name from visit")).toEqual([{ name: "Ada" }])
    expect(await db.transaction([])).toEqual([])
  })

  test("errors name the plugin, are told apart by code, and hold no values", async () => {
    const db = (await open()).open("guest-book")
    await db.run(visits)
    await db.run("insert into visit (name, count) values (?, 1)", ["sesame"])
    const taken = await db.run("insert into visit (name, count) values (?, 1)", ["sesame"]).catch((error) => error)
    expect(taken).toMatchObject({ code: "CONFLICT", status: 409, plugin: "guest-book" })
    expect(taken.message).toStartWith('The query of plugin "guest-book" failed: ')
    expect(Bun.inspect(taken)).not.toContain("sesame")
    expect(await codeOf(db.all("select * from nothing"))).toBe("QUERY_FAILED")
    expect(await codeOf(db.run("insert into visit (name) values ('x')"))).toBe("QUERY_FAILED")
    expect(await codeOf(db.all("select from where"))).toBe("QUERY_FAILED")
  })

  test("an answer of too many rows, or of too many bytes, is refused, and the next one is not", async () => {
    const db = (await open()).open("p")
    const numbers = (most: number) =>
      `with recursive n (i) as (select 1 union all select i + 1 from n where i < ${most}) select i from n`
    expect(await db.all(numbers(2_500))).toHaveLength(2_500)
    const rows = (await db.all(numbers(2_500))) as { i: number }[]
    expect(rows.map(({ i }) => i)).toEqual(rows.map((_, at) => at + 1))
    expect(await codeOf(db.all(numbers(100_001)))).toBe("QUERY_REFUSED")
    const large = dialect === "sqlite" ? "replace(hex(zeroblob(500000)), '00', 'x')" : "repeat('x', 500000)"
    expect(await codeOf(db.all(`${numbers(200).replace("select i from n", `select ${large} as x from n`)}`))).toBe(
      "QUERY_REFUSED",
    )
    expect(await db.all("select 1 as one")).toEqual([{ one: 1 }])
  })

  test("the answers of a transaction are together no larger than one answer, else nothing is written", async () => {
    const db = (await open()).open("p")
    await db.run("create table t (i integer)")
    const numbers = "with recursive n (i) as (select 1 union all select i + 1 from n where i < 40000) select i from n"
    const reads = (count: number) => Array.from({ length: count }, () => ({ sql: numbers }))
    expect(await db.transaction(reads(2))).toHaveLength(2)
    const write = { sql: "insert into t values (1)" }
    expect(await codeOf(db.transaction([write, ...reads(3)]))).toBe("QUERY_REFUSED")
    expect(await db.all("select i from t")).toEqual([])
  })

  test("two plugins see nothing of each other, also where their ids look alike", async () => {
    const databases = await open()
    for (const id of ["a-b", "a_b", "a"]) {
      await databases.open(id).run("create table own (id text)")
      await databases.open(id).run("insert into own values (?)", [id])
    }
    for (const id of ["a-b", "a_b", "a"]) expect(await databases.open(id).all("select id from own")).toEqual([{ id }])
  })

  test("after it was closed calls are still answered, and leave nothing open", async () => {
    const db = (await open()).open("p")
    await db.run(visits)
    await db.close()
    expect(await db.run("insert into visit (name, count) values ('Ada', 1)")).toEqual({ changes: 1 })
    expect(await db.all("select name from visit")).toEqual([{ name: "Ada" }])
    await db.close()
  })

  if (dialect === "postgres") {
    test("the operator of JSON is written twice, and the numbers of drizzle are taken", async () => {
      const db = (await open()).open("p")
      expect(await db.all(`select '{"a":1}'::jsonb ?? ? as has`, ["a"])).toEqual([{ has: true }])
      expect(await db.all(`select '{"a":1}'::jsonb ? $1 as has`, ["b"])).toEqual([{ has: false }])
      expect(await db.all(`select '{"a":1}'::jsonb @?? ?::jsonpath as has`, ["$.a"])).toEqual([{ has: true }])
    })
  } else {
    test("the file is its user's alone, and made by the first call", async () => {
      const databases = await open()
      const db = databases.open("guest-book")
      const file = join(databases.dataDir, "plugins", "guest-book.db")
      expect(existsSync(file)).toBe(false)
      await db.run(visits)
      const modes = [join(file, ".."), file, `${file}-wal`].map((path) => (statSync(path).mode & 0o777).toString(8))
      expect(modes).toEqual(["700", "600", "600"])
    })

    test("a file that cannot be used is named, and what can be deleted of it is", async () => {
      const databases = await open()
      const fileOf = (id: string) => join(databases.dataDir, "plugins", `${id}.db`)
      await writeFiles(databases.dataDir, {
        "plugins/damaged.db": "no database ".repeat(100),
        "plugins/folder.db/x": "",
      })
      for (const id of ["damaged", "folder"]) {
        const error = await databases
          .open(id)
          .all("select 1")
          .catch((error) => error)
        expect(error).toMatchObject({ code: "DATABASE_UNUSABLE", plugin: id })
        expect(error.message).toContain(`"${fileOf(id)}" cannot be used: `)
        expect(await databases.inspect(id)).toMatchObject({ where: fileOf(id), tables: [] })
      }
      expect(await databases.drop("damaged")).toBe(true)
      expect(await codeOf(databases.drop("folder"))).toBe("CONFIG_INVALID")
      await rm(fileOf("folder"), { recursive: true })
    })
  }
})
