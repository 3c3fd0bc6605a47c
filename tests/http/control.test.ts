import { afterAll, describe, expect, test } from "bun:test"
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { PagodaError } from "../../src/errors.ts"
import { type ControlActions, openControl } from "../../src/http/control.ts"
import { findControlFile } from "../../src/http/control-path.ts"
import { createLog } from "../../src/log.ts"
import { makeFolder, removeFolders, writeFiles } from "../support/folder.ts"

afterAll(removeFolders)

const log = createLog({ level: "debug", format: "json", write: () => {} })
const actions: ControlActions = {
  sync: async () => [],
  setEnabled: async ({ id }) => {
    throw new PagodaError("NOT_FOUND", `There is no plugin "${id}"`)
  },
  diagnose: async () => ({ plugins: [], repairs: [] }),
}

async function ask(dataDir: string, action: string, body: unknown = {}) {
  const init = { unix: findControlFile(dataDir), method: "POST", body: JSON.stringify(body) }
  return (await fetch(`http://pagoda/${action}`, init as RequestInit)).json()
}

describe("the control socket", () => {
  test("answers, for its user alone, and is gone when it is closed", async () => {
    const dataDir = await makeFolder()
    const close = openControl({ dataDir, actions, log })
    const file = findControlFile(dataDir)
    expect(file).toBe(join(dataDir, "control.sock"))
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(await ask(dataDir, "sync")).toEqual({ value: [] })
    expect(await ask(dataDir, "setEnabled", { id: "x" })).toEqual({
      error: { code: "NOT_FOUND", message: 'There is no plugin "x"' },
    })
    expect(await ask(dataDir, "toString")).toMatchObject({ error: { code: "NOT_FOUND" } })
    await close()
    expect(existsSync(file)).toBe(false)
  })

  test("takes the place of one that a killed host left", async () => {
    const dataDir = await makeFolder({ "control.sock": "" })
    const close = openControl({ dataDir, actions, log })
    expect(await ask(dataDir, "sync")).toEqual({ value: [] })
    await close()
  })

  test("is elsewhere where its path would be too long, in a folder of this user's alone", async () => {
    const dataDir = join(await makeFolder(), "d".repeat(120))
    await writeFiles(dataDir, { "control.path": "/etc/pagoda-control-abcdef/../passwd" })
    const killed = openControl({ dataDir, actions, log })
    const left = findControlFile(dataDir)
    const pointer = readFileSync(join(dataDir, "control.path"), "utf8")
    await killed()
    writeFileSync(join(dataDir, "control.path"), pointer)
    const close = openControl({ dataDir, actions, log })
    const file = findControlFile(dataDir)
    expect(file).not.toBe(left)
    expect(statSync(dirname(file)).mode & 0o777).toBe(0o700)
    expect(await ask(dataDir, "sync")).toEqual({ value: [] })
    await close()
    expect([existsSync(dirname(file)), existsSync(join(dataDir, "control.path"))]).toEqual([false, false])
  })
})
