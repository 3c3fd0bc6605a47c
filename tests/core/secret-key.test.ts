import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { checkSecretKey, deriveKey, readSecretKey } from "../../src/core/secret-key.ts"
import { eachDatabase } from "../support/database.ts"

let dataDir: string
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "pagoda-key-"))
})
afterEach(() => rm(dataDir, { recursive: true, force: true }))

describe("readSecretKey()", () => {
  test("takes the one that is given, and writes nothing", async () => {
    expect(await readSecretKey({ dataDir, secretKey: "given" })).toBe("given")
    expect(await readdir(dataDir)).toEqual([])
  })

  test("makes one at the first start, for its owner's eyes only, and reads it afterwards", async () => {
    const folder = join(dataDir, "new")
    const key = await readSecretKey({ dataDir: folder })
    expect(key.length).toBeGreaterThanOrEqual(32)
    expect((await stat(join(folder, "secret.key"))).mode & 0o777).toBe(0o600)
    expect(await readSecretKey({ dataDir: folder })).toBe(key)
  })

  test("many that start at once agree, and leave no draft behind", async () => {
    const program = `
      const { readSecretKey } = await import(${JSON.stringify(join(import.meta.dir, "../../src/core/secret-key.ts"))})
      const keys = await Promise.all(Array.from({ length: 10 }, () => readSecretKey({ dataDir: ${JSON.stringify(dataDir)} })))
      console.log([...new Set(keys)].join())`
    const children = [1, 2, 3].map(() => Bun.spawn([process.execPath, "-e", program], { stdout: "pipe" }))
    const keys = await Promise.all(children.map((child) => new Response(child.stdout).text()))
    expect(new Set(keys).size).toBe(1)
    expect(await readdir(dataDir)).toEqual(["secret.key"])
  })

  test("refuses a file that was cut short, and does not print it", async () => {
    await writeFile(join(dataDir, "secret.key"), "s3cret")
    const error = await readSecretKey({ dataDir }).catch((thrown) => thrown)
    expect(error).toMatchObject({ code: "CONFIG_INVALID" })
    expect(error.message).toContain("wanted at least 32")
    expect(error.message).not.toContain("s3cret")
  })
})

test("deriveKey() gives each purpose a key of its own, the same each time", () => {
  expect(deriveKey("a", "store")).toHaveLength(32)
  expect(deriveKey("a", "store")).toEqual(deriveKey("a", "store"))
  expect(deriveKey("a", "store")).not.toEqual(deriveKey("a", "sessions"))
  expect(deriveKey("a", "store")).not.toEqual(deriveKey("b", "store"))
})

eachDatabase((_dialect, open) => {
  test("checkSecretKey() refuses another key than the database was made with, which it does not store", async () => {
    const database = await open()
    await checkSecretKey(database, "the first key")
    await checkSecretKey(database, "the first key")
    await expect(checkSecretKey(database, "another key")).rejects.toMatchObject({ code: "SECRET_KEY_MISMATCH" })
    const stored = await database.db.select().from(database.tables.meta)
    expect(JSON.stringify(stored)).not.toContain("the first key")
  })
})
