import { describe, expect, test } from "bun:test"
import { asc, eq, sql } from "drizzle-orm"
import type { Database } from "../../src/db/database.ts"
import { DatabaseError, isUniqueViolation } from "../../src/db/database-error.ts"
import { eachDatabase } from "../support/database.ts"

const secret = "s3cret-value"

async function readKeys({ db, tables: { meta } }: Database): Promise<string[]> {
  const rows = await db.select({ key: meta.key }).from(meta).orderBy(asc(meta.key))
  return rows.map(({ key }) => key)
}

const row = (key: string, value = "") => ({ key, value })

eachDatabase((dialect, open) => {
  describe("transaction()", () => {
    test("commits what it did, and gives back what the work gave", async () => {
      const database = await open()
      const { meta } = database.tables
      expect(
        await database.transaction(async (tx) => (await tx.insert(meta).values(row("a")).returning())[0]?.key),
      ).toBe("a")
      expect(await readKeys(database)).toEqual(["a"])
    })

    test("keeps nothing when the work throws, asynchronous work included", async () => {
      const database = await open()
      const work = database.transaction(async (tx) => {
        await tx.insert(database.tables.meta).values(row("a"))
        await Bun.sleep(0)
        throw new Error("no")
      })
      await expect(work).rejects.toThrow("no")
      expect(await readKeys(database)).toEqual([])
    })

    test("keeps what was done before a nested one that failed", async () => {
      const database = await open()
      const { meta } = database.tables
      await database.transaction(async (tx) => {
        await tx.insert(meta).values(row("a"))
        const nested = tx.transaction(async (inner) => {
          await inner.insert(meta).values(row("b"))
          throw new Error("no")
        })
        await expect(nested).rejects.toThrow("no")
        await tx.insert(meta).values(row("c"))
      })
      expect(await readKeys(database)).toEqual(["a", "c"])
    })

    test("does not take in a write from elsewhere", async () => {
      const database = await open()
      const { meta } = database.tables
      const begun = Promise.withResolvers<void>()
      const go = Promise.withResolvers<void>()
      const failing = database.transaction(async (tx) => {
        await tx.insert(meta).values(row("a"))
        begun.resolve()
        await go.promise
        throw new Error("no")
      })
      await begun.promise
      const elsewhere = database.db.insert(meta).values(row("b")).execute()
      go.resolve()
      await expect(failing).rejects.toThrow("no")
      await elsewhere
      expect(await readKeys(database)).toEqual(["b"])
    })

    test("a read beside it sees nothing of it, and does not wait for it", async () => {
      const database = await open()
      const begun = Promise.withResolvers<void>()
      const go = Promise.withResolvers<void>()
      const slow = database.transaction(async (tx) => {
        await tx.insert(database.tables.meta).values(row("a"))
        begun.resolve()
        await go.promise
      })
      await begun.promise
      expect(await readKeys(database)).toEqual([])
      go.resolve()
      await slow
      expect(await readKeys(database)).toEqual(["a"])
    })

    test("refuses a query on the database inside it instead of waiting for itself", async () => {
      const database = await open()
      const { meta } = database.tables
      const message = "A query on the database inside a transaction"
      await expect(database.transaction(async () => readKeys(database))).rejects.toThrow(message)
      await expect(database.transaction(async () => database.db.insert(meta).values(row("a")))).rejects.toThrow(message)
      await expect(database.transaction(() => database.transaction(async () => {}))).rejects.toThrow(message)
      expect(await readKeys(database)).toEqual([])
    })

    test("does not refuse what was begun inside and goes on after it", async () => {
      const database = await open()
      const ended = Promise.withResolvers<void>()
      let later: Promise<string[]> | undefined
      await database.transaction(async () => {
        later = ended.promise.then(() => readKeys(database))
      })
      ended.resolve()
      expect(await later).toEqual([])
    })

    test("many at once each see what the one before wrote", async () => {
      const database = await open()
      const { meta } = database.tables
      await database.db.insert(meta).values(row("n", "0"))
      const add = () =>
        database.transaction(async (tx) => {
          await tx
            .update(meta)
            .set({ value: sql`cast(cast(${meta.value} as integer) + 1 as text)` })
            .where(eq(meta.key, "n"))
        })
      await Promise.all(Array.from({ length: 50 }, add))
      expect(await database.db.select().from(meta)).toEqual([row("n", "50")])
    })
  })

  describe("columns", () => {
    const values = [
      "5",
      5,
      1.5,
      "",
      "null",
      "a\u0000b",
      "\ud800",
      "日本",
      true,
      [],
      [1, [null]],
      { b: 1, a: { "x.y": "'" } },
    ]

    test("JSON comes back as it went in", async () => {
      const { db, tables } = await open()
      for (const params of values) {
        const [made] = await db
          .insert(tables.job)
          .values({ ...job, params })
          .returning()
        const [read] = await db
          .select()
          .from(tables.job)
          .where(eq(tables.job.id, made?.id as number))
        expect(made?.params).toEqual(params)
        expect(JSON.stringify(read?.params)).toBe(JSON.stringify(params))
      }
    })

    test('a target\'s id is found as what it was: 5 is not "5"', async () => {
      const { db, tables } = await open()
      await db.insert(tables.job).values([
        { ...job, target_id: 5 },
        { ...job, target_id: "5" },
      ])
      const found = await db.select({ id: tables.job.target_id }).from(tables.job).where(eq(tables.job.target_id, "5"))
      expect(found).toEqual([{ id: "5" }])
    })

    test("times are ISO 8601 in UTC, to the millisecond", async () => {
      const { db, tables } = await open()
      const started_at = "2026-01-31T12:00:00.123Z"
      const [made] = await db
        .insert(tables.job)
        .values({ ...job, started_at })
        .returning()
      expect(made?.started_at).toBe(started_at)
      expect(made?.created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
      expect(
        await db.select({ id: tables.job.id }).from(tables.job).where(eq(tables.job.started_at, started_at)),
      ).toHaveLength(1)
    })

    test("a job begins as one that is preparing", async () => {
      const { db, tables } = await open()
      const [made] = await db.insert(tables.job).values(job).returning()
      expect(made).toMatchObject({
        id: 1,
        status: "preparing",
        progress: 0,
        message: "",
        attempts: 0,
        cancelable: true,
      })
      expect(made).toMatchObject({ target_id: null, finished_at: null, hidden: false })
    })

    test("what belongs to an installed plugin goes with it", async () => {
      const { db, tables } = await open()
      await db.insert(tables.installed_plugin).values({ plugin_id: "a", name: "A", version: "1.0.0" })
      await db.insert(tables.plugin_dependency).values({ plugin: "a", dependency_id: "b", version_constraint: "^1" })
      await db.insert(tables.plugin_setting).values({ plugin: "a", key: "K", value: { x: 1 } })
      await db.delete(tables.installed_plugin).where(eq(tables.installed_plugin.plugin_id, "a"))
      expect(await db.select().from(tables.plugin_dependency)).toEqual([])
      expect(await db.select().from(tables.plugin_setting)).toEqual([])
    })
  })

  describe("errors", () => {
    test("a value that is there already is a unique violation", async () => {
      const { db, tables, transaction } = await open()
      await db.insert(tables.meta).values(row("a"))
      const again = await db
        .insert(tables.meta)
        .values(row("a", secret))
        .catch((error) => error)
      const inside = await transaction((tx) => tx.insert(tables.meta).values(row("a", secret))).catch((error) => error)
      for (const error of [again, inside]) {
        expect(isUniqueViolation(error)).toBe(true)
        expectNoSecret(error)
      }
    })

    test("no error carries a value of the statement", async () => {
      const { db, tables } = await open()
      const orphan = db.insert(tables.plugin_setting).values({ plugin: secret, key: secret, value: secret })
      const wrongType = db.insert(tables.job).values({ ...job, operation: secret as never, status: null as never })
      const noTable = db.select().from(sql`nowhere`).where(eq(sql`x`, secret))
      for (const query of [orphan, wrongType, noTable]) {
        const error = await query.execute().catch((thrown) => thrown)
        expect(error).toBeInstanceOf(DatabaseError)
        expect(isUniqueViolation(error)).toBe(false)
        expectNoSecret(error)
      }
    })

    test("a missing owner is refused", async () => {
      const { db, tables } = await open()
      const orphan = db.insert(tables.plugin_setting).values({ plugin: "none", key: "k", value: 1 })
      await expect(orphan.execute()).rejects.toThrow(dialect === "sqlite" ? "SQLITE_CONSTRAINT_FOREIGNKEY" : "23503")
    })
  })

  test("close() waits for the writes before it, and what was written is there when it is opened again", async () => {
    const place = await open.place()
    const first = await open({ place })
    const writes = Array.from({ length: 20 }, (_, i) =>
      first.db
        .insert(first.tables.meta)
        .values(row(`k${i}`))
        .execute(),
    )
    await Promise.all([...writes, first.close()])
    expect(await readKeys(await open({ place }))).toHaveLength(20)
  })
})

const job = { operation: 1001, operation_name: "TEST", user_id: "u", username: "ana", params: {} }

function expectNoSecret(error: Error): void {
  expect(Bun.inspect(error, { depth: 9 })).not.toContain(secret)
  expect(JSON.stringify(Object.getOwnPropertyDescriptors(error))).not.toContain(secret)
  expect(error.cause).toBeUndefined()
}
