import { afterEach, beforeEach, expect, test } from "bun:test"
import { mkdtemp, readdir, rm, stat } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { openDatabase } from "../../src/db/database.ts"
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
