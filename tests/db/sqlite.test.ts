import { Database } from "bun:sqlite"
import { afterEach, beforeEach, expect, test } from "bun:test"
import { mkdtemp, readdir, rm, stat } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { sql } from "drizzle-orm"
import { openDatabase } from "../../src/db/database.ts"
import { toDatabaseError } from "../../src/db/database-error.ts"
import { sqliteMigrations } from "../../src/db/migrations.ts"

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pagoda-sqlite-"))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

test("its files are for their owner's eyes only, and one is left when it is closed", async () => {
  const database = await openDatabase({ file: join(folder, "new", "pagoda.db") })
  await database.migrate()
  const files = await readdir(join(folder, "new"))
  expect(files.sort()).toEqual(["pagoda.db", "pagoda.db-shm", "pagoda.db-wal"])
  for (const file of files) expect((await stat(join(folder, "new", file))).mode & 0o777).toBe(0o600)
  await database.close()
  expect(await readdir(join(folder, "new"))).toEqual(["pagoda.db"])
})

test("one that another program holds, or that may not be written, is no bug: 503, and what to look at", async () => {
  const file = join(folder, "pagoda.db")
  const database = await openDatabase({ file })
  await database.migrate()
  const other = new Database(file)
  other.run("begin immediate")
  try {
    const write = database.transaction((tx) => tx.execute(sql`create table more (n integer)`))
    await expect(write).rejects.toMatchObject({
      code: "DATABASE_UNREACHABLE",
      status: 503,
      message: expect.stringMatching(/locked \(SQLITE_BUSY\); does another program hold its file\?$/),
    })
  } finally {
    other.close()
    await database.close()
  }
}, 30_000)

test("what SQLite says of the disk and the file is told from what it says of a statement", () => {
  const thrown = (code: string) => Object.assign(new Error("no"), { name: "SQLiteError", code })
  for (const code of ["SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_READONLY_DBMOVED", "SQLITE_CANTOPEN"])
    expect(toDatabaseError(thrown(code))).toMatchObject({ code: "DATABASE_UNREACHABLE" })
  for (const code of ["SQLITE_CONSTRAINT_UNIQUE", "SQLITE_ERROR", "SQLITE_CORRUPT"])
    expect(toDatabaseError(thrown(code))).toMatchObject({ name: "DatabaseError", code })
})

test("processes that open a new one at once each come through, and each migration is applied by one of them", async () => {
  const program = `
    const { openDatabase } = await import(${JSON.stringify(join(import.meta.dir, "../../src/db/database.ts"))})
    const database = await openDatabase({ file: ${JSON.stringify(join(folder, "pagoda.db"))} })
    console.log(JSON.stringify(await database.migrate()))
    await database.close()`
  const children = [1, 2, 3, 4].map(() => Bun.spawn([process.execPath, "-e", program], { stdout: "pipe" }))
  const applied = await Promise.all(children.map(async (child) => JSON.parse(await new Response(child.stdout).text())))
  expect(applied.flat().sort()).toEqual(sqliteMigrations.map((migration) => migration.name))
})
