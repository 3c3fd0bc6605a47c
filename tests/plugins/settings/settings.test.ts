import { describe, expect, test } from "bun:test"
import { secret, t } from "@pagoda/sdk"
import { deriveKey } from "../../../src/core/secret-key.ts"
import { createLog } from "../../../src/log.ts"
import type { Repair } from "../../../src/plugins/database/repair.ts"
import { createPluginSettings } from "../../../src/plugins/settings.ts"
import { eachDatabase, type TestDatabase } from "../../support/database.ts"
import { alice, root } from "../../support/jobs.ts"

const schema = t.Object({
  GREETING: t.String({ default: "Hello", maxLength: 20 }),
  TIMES: t.Integer({ default: 1 }),
  NOTE: t.Optional(t.String()),
  LIMITS: t.Object({ most: t.Integer({ default: 5 }), least: t.Integer({ default: 1 }) }, { default: {} }),
  API_KEY: t.Optional(secret(t.String({ minLength: 8 }))),
})
const hidden = "the-secret-of-this-test"

function openSettings(database: TestDatabase, secretKey = "a") {
  const repairs = new Map<string, Repair>()
  const lines: string[] = []
  const log = createLog({ level: "debug", format: "json", write: (line) => void lines.push(line) })
  const settings = createPluginSettings({
    database,
    key: deriveKey(secretKey, "plugin-settings"),
    repairs: {
      report: (repair) => repairs.set(repair.code, repair),
      resolve: ({ code }) => repairs.delete(code),
    },
    log,
  })
  return Object.assign(settings, { repairs, lines, [Symbol.dispose]: () => settings.close() })
}

eachDatabase((_, open) => {
  describe("createPluginSettings()", () => {
    test("gives the defaults, then what an administrator set, merged", async () => {
      using settings = openSettings(await open())
      const own = await settings.open("p", schema)
      const defaults = { GREETING: "Hello", TIMES: 1, LIMITS: { most: 5, least: 1 } }
      expect(own.current).toEqual(defaults)
      expect(await settings.change(root, "p", { TIMES: 3, LIMITS: { most: 9 } })).toEqual({
        ...defaults,
        TIMES: 3,
        NOTE: null,
        LIMITS: { most: 9, least: 1 },
        API_KEY: { is_set: false },
      })
      await settings.change(root, "p", { GREETING: "Hi" })
      expect(own.current).toEqual({ GREETING: "Hi", TIMES: 3, LIMITS: { most: 9, least: 1 } })
      await settings.change(root, "p", { TIMES: null, LIMITS: null, GREETING: null })
      expect(own.current).toEqual(defaults)
    })

    test("is frozen, whole and the same object until it changes", async () => {
      using settings = openSettings(await open())
      const own = await settings.open("p", schema)
      const before = own.current as { LIMITS: { most: number } }
      expect(() => Object.assign(before, { GREETING: "x" })).toThrow()
      expect(() => Object.assign(before.LIMITS, { most: 7 })).toThrow()
      await settings.change(root, "p", { TIMES: 1, API_KEY: null })
      expect(own.current).toBe(before as never)
    })

    test("refuses what does not fit, all of it at once and with its path, and stores nothing then", async () => {
      using settings = openSettings(await open())
      const own = await settings.open("p", schema)
      const wrong = { GREETING: "Hi", TIMES: "many", LIMITS: { most: 1.5 }, API_KEY: "short", GRETING: 1 }
      const failed = await settings.change(root, "p", wrong).catch((error) => error)
      expect(failed).toMatchObject({ code: "VALIDATION_FAILED", status: 422 })
      expect(failed.issues.map(({ path }: { path: string }) => path).sort()).toEqual([
        "API_KEY",
        "GRETING",
        "LIMITS.most",
        "TIMES",
      ])
      expect(JSON.stringify(failed.issues)).not.toContain("short")
      expect(failed.message).toContain('did you mean "GREETING"?')
      for (const given of [null, [], "x", 1]) {
        expect(settings.change(root, "p", given)).rejects.toMatchObject({ code: "VALIDATION_FAILED" })
      }
      const long = { NOTE: "x".repeat(70_000) }
      expect(settings.change(root, "p", long)).rejects.toThrow("at most 65536")
      expect(settings.change(root, "p", JSON.parse('{"__proto__": {"x": 1}}'))).rejects.toThrow("is unknown")
      expect(own.current).toMatchObject({ GREETING: "Hello", TIMES: 1 })
    })

    test("is for administrators who may write", async () => {
      using settings = openSettings(await open())
      await settings.open("p", schema)
      expect(settings.read(alice, "p")).rejects.toMatchObject({ code: "FORBIDDEN" })
      expect(settings.change(alice, "p", { TIMES: 2 })).rejects.toMatchObject({ code: "FORBIDDEN" })
      const readonly = { ...root, is_readonly: true }
      expect(settings.change(readonly, "p", { TIMES: 2 })).rejects.toMatchObject({ code: "FORBIDDEN" })
    })

    test("knows no settings of a plugin that was not loaded, and those of one that has failed since", async () => {
      using settings = openSettings(await open())
      expect(settings.read(root, "p")).rejects.toMatchObject({ code: "CONFLICT" })
      const own = await settings.open("p", t.Object({ TOKEN: t.String() }))
      own.close()
      expect(await settings.change(root, "p", { TOKEN: "now it is there" })).toEqual({ TOKEN: "now it is there" })
    })

    test("keeps secrets encrypted, and tells only that they are set", async () => {
      const database = await open()
      using settings = openSettings(database)
      const own = await settings.open("p", schema)
      expect(await settings.change(root, "p", { API_KEY: hidden })).toMatchObject({ API_KEY: { is_set: true } })
      expect(await settings.read(root, "p")).toMatchObject({ API_KEY: { is_set: true } })
      expect(own.current).toMatchObject({ API_KEY: hidden })
      const rows = await database.db.select().from(database.tables.plugin_setting)
      expect(rows).toMatchObject([{ plugin: "p", key: "API_KEY", encrypted: true }])
      expect(JSON.stringify(rows)).not.toContain(hidden)
      const audit = await database.db.select().from(database.tables.audit)
      expect(audit).toMatchObject([
        {
          username: "root",
          action: "update",
          object_type: "plugin_setting",
          object_id: "p",
          changes: { keys: ["API_KEY"] },
        },
      ])
      // the same value again writes nothing
      await settings.change(root, "p", { API_KEY: hidden })
      expect(await database.db.select().from(database.tables.plugin_setting)).toEqual(rows)
      expect(settings.lines.join()).not.toContain(hidden)
    })

    test("a secret cannot be moved to another setting or plugin, nor read with another key: the default, and a repair", async () => {
      const database = await open()
      using settings = openSettings(database)
      const own = await settings.open("p", schema)
      await settings.change(root, "p", { API_KEY: hidden })
      const { plugin_setting } = database.tables
      await database.db.update(plugin_setting).set({ key: "NOTE" })
      const moved = await settings.open("p", schema)
      expect(moved.current).not.toHaveProperty("NOTE")
      expect(settings.repairs.get("SETTING_UNREADABLE")?.message).toContain('"NOTE"')
      await database.db.update(plugin_setting).set({ key: "API_KEY" })
      using other = openSettings(database, "b")
      expect((await other.open("p", schema)).current).not.toHaveProperty("API_KEY")
      expect(other.repairs.get("SETTING_UNREADABLE")?.mend).toContain("PATCH /api/v2/admin/plugins/p/settings")
      expect(await other.read(root, "p")).toMatchObject({ API_KEY: { is_set: false } })
      // setting it again mends it
      await other.change(root, "p", { API_KEY: "another-secret" })
      expect(other.repairs.size).toBe(0)
      own.close()
    })

    test("what a new version does not take any more is the default, with a repair, until it is set again", async () => {
      using settings = openSettings(await open())
      const old = await settings.open("p", schema)
      await settings.change(root, "p", { GREETING: "Good morning" })
      const own = await settings.open("p", t.Object({ GREETING: t.Integer({ default: 7 }), MUST: t.String() }))
      old.close()
      expect(own.current).toEqual({ GREETING: 7 })
      expect([...settings.repairs.keys()].sort()).toEqual(["SETTING_MISSING", "SETTING_UNFIT"])
      expect(settings.change(root, "p", { MUST: null })).rejects.toThrow("has no default")
      await settings.change(root, "p", { GREETING: 8, MUST: "be" })
      expect(settings.repairs.size).toBe(0)
    })

    test("what was wrong with settings is over with a version that has none", async () => {
      using settings = openSettings(await open())
      const own = await settings.open("p", t.Object({ MUST: t.String() }))
      expect([...settings.repairs.keys()]).toEqual(["SETTING_MISSING"])
      own.close()
      await settings.open("p", undefined)
      expect(settings.repairs.size).toBe(0)
    })

    test("what becomes secret in a new version is encrypted, and what was secret is never told", async () => {
      const database = await open()
      using settings = openSettings(database)
      const plain = t.Object({ TOKEN: t.Optional(t.String()) })
      const marked = t.Object({ TOKEN: t.Optional(secret(t.String())) })
      const first = await settings.open("p", plain)
      await settings.change(root, "p", { TOKEN: hidden })
      first.close()
      const second = await settings.open("p", marked)
      expect(second.current).toEqual({ TOKEN: hidden })
      expect(JSON.stringify(await database.db.select().from(database.tables.plugin_setting))).not.toContain(hidden)
      second.close()
      const third = await settings.open("p", plain)
      expect(third.current).toEqual({ TOKEN: hidden })
      expect(await settings.read(root, "p")).toEqual({ TOKEN: { is_set: true } })
    })

    test("what becomes secret is encrypted also where it does not fit any more", async () => {
      const database = await open()
      using settings = openSettings(database)
      const first = await settings.open("p", t.Object({ TOKEN: t.Optional(t.String()) }))
      await settings.change(root, "p", { TOKEN: hidden })
      first.close()
      const second = await settings.open("p", t.Object({ TOKEN: t.Optional(secret(t.String({ maxLength: 8 }))) }))
      expect(second.current).toEqual({})
      expect([...settings.repairs.keys()]).toEqual(["SETTING_UNFIT"])
      expect(JSON.stringify(await database.db.select().from(database.tables.plugin_setting))).not.toContain(hidden)
    })

    test("a plugin changes its own, under the same rules", async () => {
      const database = await open()
      using settings = openSettings(database)
      const own = await settings.open("p", schema)
      await own.set({ TIMES: 4, NOTE: undefined })
      expect(own.current).toMatchObject({ TIMES: 4 })
      expect(own.set({ TIMES: "x" })).rejects.toMatchObject({ code: "VALIDATION_FAILED" })
      expect(await database.db.select().from(database.tables.audit)).toMatchObject([
        { username: "plugin:p", changes: { keys: ["TIMES"] } },
      ])
    })

    test("every version of it and every process that follows is told, once a change", async () => {
      const database = await open()
      using settings = openSettings(database)
      const told: string[] = []
      const own = await settings.open("p", schema)
      const { current } = own
      own.follow(current, (next) => told.push(`a${next.TIMES}`))
      const newer = await settings.open("p", schema)
      await settings.change(root, "p", { TIMES: 2 })
      newer.follow(current, (next) => told.push(`b${next.TIMES}`))
      await settings.change(root, "p", { TIMES: 2 })
      own.close()
      await settings.change(root, "p", { TIMES: 3 })
      expect(told).toEqual(["a2", "b2", "b3"])
    })
  })
})

test("another process of the same Postgres sees a change, also one that it was not told of", async () => {
  const { createPostgresDatabase } = await import("../../support/postgres.ts")
  const { openDatabase } = await import("../../../src/db/database.ts")
  const { url, drop } = await createPostgresDatabase()
  const [here, there] = [await openDatabase({ url, file: "" }), await openDatabase({ url, file: "" })]
  try {
    await here.migrate()
    using writing = openSettings(here as TestDatabase)
    using reading = openSettings(there as TestDatabase)
    await writing.open("p", schema)
    const own = await reading.open("p", schema)
    const seen = Promise.withResolvers<unknown>()
    own.follow(own.current, (next) => next.TIMES === 2 && seen.resolve(next.API_KEY))
    await writing.change(root, "p", { TIMES: 2, API_KEY: hidden })
    expect(await seen.promise).toBe(hidden)
    // the connection that signals come by is lost while something changes
    const back = Promise.withResolvers<unknown>()
    own.follow(own.current, (next) => next.TIMES === 3 && back.resolve(next.TIMES))
    const { sql } = await import("drizzle-orm")
    const { plugin_setting } = here.tables
    await here.db.update(plugin_setting).set({ value: 3 }).where(sql`key = 'TIMES'`)
    await here.db.execute(
      sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'pagoda signals' and datname = current_database()`,
    )
    expect(await back.promise).toBe(3)
  } finally {
    await Promise.all([here.close(), there.close()])
    await drop()
  }
}, 30_000)
