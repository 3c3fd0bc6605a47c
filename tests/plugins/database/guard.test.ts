import { Database } from "bun:sqlite"
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import fc from "fast-check"
import { checkStatement, readQuery } from "../../../src/plugins/database/guard.ts"
import { toSchemaName } from "../../../src/plugins/database/names.ts"
import { toNumbered } from "../../../src/plugins/database/placeholders.ts"
import { readStatement, splitStatements } from "../../../src/plugins/database/statements.ts"
import { readTokens, type SqlDialect } from "../../../src/plugins/database/tokens.ts"

const refused = (sql: string, dialect: SqlDialect = "sqlite") => {
  try {
    readQuery(sql, dialect)
    return false
  } catch (error) {
    return (error as { code: string }).code === "QUERY_REFUSED"
  }
}

describe("a statement of SQLite is refused", () => {
  test.each([
    "attach 'x.db' as x",
    " /* select */ ATTACH 'x.db' as x",
    "--\r select 1\nattach 'x.db' as x",
    "/*/ select 1 */ attach 'x.db' as x",
    "detach main",
    "explain attach 'x.db' as x",
    "vacuum",
    "vacuum into 'x.db'",
    "begin",
    "commit",
    "end",
    "savepoint a",
    "release a",
    "rollback",
    "pragma journal_mode = delete",
    "pragma main.writable_schema = 1",
    "PRAGMA/**/temp_store_directory = '/tmp'",
    "pragma foreign_keys = off",
    "select load_extension('x')",
    "select \"load_extension\"('x')",
    "select [Load_Extension] ('x')",
    "select hex(fts3_tokenizer(?))",
    "select FTS3_Tokenizer('simple', ?)",
    "create view v as select `fts3_tokenizer`('simple')",
    "create virtual table v using csv(filename='/etc/passwd')",
    'create virtual table "using fts5" using dbstat',
    "select 1; select 2",
    "select 1;;select 2",
    "create trigger t after insert on a begin select 1; end; attach 'x' as y",
    "",
    " ; -- nothing",
    "select 1\0",
    "\u00a0select 1",
    "(select 1)",
  ])("%s", (sql) => {
    expect(refused(sql)).toBe(true)
  })
})

describe("a statement of SQLite is let through", () => {
  test.each([
    "select ';', \"a;b\", [c;d], `e;f` from t -- ; attach\n",
    "select 1;",
    "select 1 ; /* end */ ;",
    "with a as (select 1) insert into t select * from a",
    'create trigger t after insert on "begin" begin select case when 1 then 2 end; delete from x; end;',
    "create virtual table v using fts5(text)",
    "pragma table_info(t)",
    "pragma main.table_info(t)",
    "explain query plan select 1",
    "select 'load_extension'",
    "/**/select 1",
    "values (1)",
  ])("%s", (sql) => {
    expect(refused(sql)).toBe(false)
  })
})

describe("a statement of Postgres", () => {
  test.each([
    "set role postgres",
    "reset role",
    "begin",
    "copy t to stdout",
    "listen x",
    "prepare a as select 1",
    "explain (analyze) set role x",
    "lock table t",
    "/* /* */ select 1 */ set role x",
    "select 1; select 2",
    "$$ select 1 $$",
  ])("is refused: %s", (sql) => {
    expect(refused(sql, "postgres")).toBe(true)
  })

  test.each([
    "select $a$ ; $$ $a$, e'\\';', U&'a;''', \"a;\"\"b\" -- ;\n",
    "/* /* ; */ ; */ select 1",
    "explain (analyze, buffers) select 1",
    "explain analyze verbose select 1",
    "create function f() returns int language sql begin atomic select case when true then 1 end; end",
    "do $$ begin perform 1; end $$",
    "-- ;\rselect 1",
  ])("is let through: %s", (sql) => {
    expect(refused(sql, "postgres")).toBe(false)
  })

  test("has its question marks numbered, but where they are no values", () => {
    const number = (sql: string) => toNumbered(readStatement(sql, "postgres"))
    expect(number("select ? , '?', \"?\", $$?$$ where a=? and b ?? 'c' and d @?? ? -- ?")).toEqual({
      sql: "select $1 , '?', \"?\", $$?$$ where a=$2 and b ? 'c' and d @? $3 -- ?",
      count: 3,
    })
    expect(number("  select $2, $1, a ? 'b', a ??| 'c' ;")).toEqual({
      sql: "select $2, $1, a ? 'b', a ?| 'c'",
      count: 2,
    })
  })
})

const pieces = {
  sqlite: [
    "'",
    "''",
    '"',
    "`",
    "[",
    "]",
    "--",
    "/*",
    "*/",
    ";",
    "\n",
    "\r",
    " ",
    "a",
    "select",
    "end",
    "begin",
    "?",
    "1",
  ],
  postgres: [
    "'",
    '"',
    "--",
    "/*",
    "*/",
    ";",
    "\n",
    "\r",
    " ",
    "a",
    "$$",
    "$a$",
    "$1",
    "e'",
    "\\",
    "?",
    "??",
    "1.5",
    "é",
  ],
}

describe("tokens", () => {
  test.each(["sqlite", "postgres"] as const)("of whatever text cover it in order, without spaces: %s", (dialect) => {
    const text = fc.array(fc.oneof(fc.constantFrom(...pieces[dialect]), fc.string()), { maxLength: 20 })
    fc.assert(
      fc.property(text, (parts) => {
        const sql = parts.join("")
        let end = 0
        for (const { start, text } of readTokens(sql, dialect)) {
          expect(start).toBeGreaterThanOrEqual(end)
          expect(text.length).toBeGreaterThan(0)
          expect(sql.slice(start, start + text.length)).toBe(text)
          end = start + text.length
        }
        expect(end).toBeLessThanOrEqual(sql.length)
      }),
    )
  })

  let client: Database
  beforeAll(() => {
    client = new Database(":memory:")
    client.run("create table t (a, b)")
  })
  afterAll(() => client.close())

  test("strings, names and comments end where SQLite lets them end", () => {
    const inside = fc.array(fc.constantFrom(...pieces.sqlite, "x", "--x\n", "/*y*/"), { maxLength: 12 })
    fc.assert(
      fc.property(inside, fc.constantFrom("'", '"', "`", "[", "--", "/*"), (parts, open) => {
        const sql = `select 1, ${open}${parts.join("")}`
        const statements = (() => {
          try {
            return splitStatements(sql, "sqlite")
          } catch {
            return []
          }
        })()
        const [first] = statements
        if (!first) return
        // what SQLite takes as one statement and what we take are the same: the rest would be run, or left out
        const taken = prepares(client, sql)
        if (taken === undefined) return
        expect(prepares(client, first.sql)).toEqual(taken)
      }),
      { numRuns: 500 },
    )
  })

  test("nothing that SQLite would attach is let through, however it is written", () => {
    const noise = fc.array(
      fc.constantFrom(
        " ",
        "\n",
        "\r",
        "\t",
        "\f",
        "\v",
        "--a\n",
        "--a\r",
        "/**/",
        "/*/*/",
        "/* ; */",
        ";",
        "explain ",
        "'x'",
        "\u00a0",
        "\ufeff",
      ),
      { maxLength: 6 },
    )
    fc.assert(
      fc.property(noise, noise, (before, after) => {
        const sql = `${before.join("")}attach${after.join("")} ':memory:' as other`
        let passed: string | undefined
        try {
          passed = readQuery(sql, "sqlite").sql
        } catch {
          return
        }
        try {
          client.prepare(passed).all()
        } catch {}
        expect(client.query("pragma database_list").all()).toHaveLength(1)
      }),
      { numRuns: 2_000 },
    )
  })
})

/** The columns of the statement that SQLite makes of it; nothing where it makes none. */
function prepares(client: Database, sql: string): string[] | undefined {
  try {
    const statement = client.prepare(sql)
    const { columnNames } = statement
    statement.finalize()
    return columnNames
  } catch {
    return undefined
  }
}

test("a migration may turn foreign keys off and on, which does nothing there", () => {
  const statement = readStatement("PRAGMA foreign_keys=OFF", "sqlite")
  expect(() => checkStatement(statement, "sqlite", { isMigration: true })).not.toThrow()
})

test("every id has a schema of its own, which Postgres takes as it is", () => {
  const ids = fc.stringMatching(/^[a-z0-9]{1,20}(?:[-_][a-z0-9]{1,20}){0,4}$/).filter((id) => id.length <= 100)
  fc.assert(
    fc.property(ids, ids, (a, b) => {
      expect(`${toSchemaName(a)}_db4294967295`.length).toBeLessThanOrEqual(63)
      expect(toSchemaName(a) === toSchemaName(b)).toBe(a === b)
    }),
  )
  expect(toSchemaName("a-b_c")).toBe("plugin_a_b__c")
  const long = "x".repeat(100)
  expect(toSchemaName(long)).not.toBe(toSchemaName(toSchemaName(long).replace("plugin_", "").replaceAll("___", "_")))
})

test("of long statements, such as inserts of many rows, nothing is kept", () => {
  const many = (rows: number) => `insert into a values ${Array.from({ length: rows }, () => "(?, ?)").join(", ")}`
  const [short, long] = [many(2), many(1_000)]
  expect(readQuery(short, "sqlite")).toBe(readQuery(short, "sqlite"))
  expect(readQuery(long, "sqlite")).not.toBe(readQuery(long, "sqlite"))
})
