import { beforeAll, expect, test } from "bun:test"
import { openDatabase } from "../../src/db/database.ts"
import { createPostgresDatabase, startPostgres } from "../support/postgres.ts"

beforeAll(startPostgres, 60_000)

async function refusal(url: string): Promise<Error> {
  return openDatabase({ url, file: "" }).then(
    () => Promise.reject(new Error("it was opened")),
    (error) => error,
  )
}

test("a server that is not there: its place, the reason and never the password", async () => {
  const error = await refusal("postgres://ana:hunter2@127.0.0.1:1/pagoda")
  expect(error).toMatchObject({ code: "DATABASE_UNREACHABLE" })
  expect(error.message).toContain('"127.0.0.1:1/pagoda"')
  expect(Bun.inspect(error, { depth: 9 })).not.toContain("hunter2")
})

test("a wrong password or a database that does not exist: unreachable as well, with the server's reason", async () => {
  const { url, drop } = await createPostgresDatabase()
  const wrong = new URL(url)
  wrong.password = "hunter2"
  const missing = new URL(url)
  missing.pathname = "/nowhere"
  for (const place of [wrong, missing]) {
    const error = await refusal(place.href)
    expect(error).toMatchObject({ code: "DATABASE_UNREACHABLE" })
    expect(error.message).toMatch(/password authentication failed|does not exist/)
    expect(Bun.inspect(error, { depth: 9 })).not.toContain("hunter2")
  }
  await drop()
})

test("an address that is no URL is not repeated", async () => {
  const error = await refusal("postgres://ana:hunter2@:::/pagoda")
  expect(error).toMatchObject({ code: "CONFIG_INVALID" })
  expect(Bun.inspect(error, { depth: 9 })).not.toContain("hunter2")
})

test("a connection that breaks is unreachable, and the next query connects again", async () => {
  const { url, drop } = await createPostgresDatabase()
  const database = await openDatabase({ url, file: "" })
  await database.migrate()
  const { meta } = database.tables
  const { sql } = await import("drizzle-orm")
  const killed = database.db.execute(sql`select pg_terminate_backend(pg_backend_pid())`)
  await expect(Promise.resolve(killed)).rejects.toMatchObject({ code: "DATABASE_UNREACHABLE" })
  expect(await database.db.select().from(meta)).toEqual([])
  await database.close()
  await drop()
})
