import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { cpSync, existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { makeFolder, removeFolders, writeFiles } from "../support/folder.ts"
import { startTestHost } from "../support/host.ts"
import { killPagoda, runPagoda } from "../support/pagoda.ts"
import { below, pluginFiles } from "../support/plugin-folder.ts"
import { type Registry, startRegistry } from "../support/registry.ts"

/** A machine with one plugin from a registry and one from a folder, before the command that is killed. */
let machine: string
let registry: Registry

const env = () => ({ NPM_CONFIG_REGISTRY: registry.url, PAGODA_LOG_LEVEL: "debug", PAGODA_LOG_FORMAT: "json" })
const files = (version: string) => pluginFiles("from-npm", { version })

async function publish(version: string) {
  const { "package.json": about = "", "plugin.ts": code = "" } = files(version)
  await registry.publish(
    { ...JSON.parse(about), name: "from-npm", dependencies: { leaf: "1.0.0" } },
    { "plugin.ts": code },
  )
}

beforeAll(async () => {
  registry = await startRegistry()
  await registry.publish({ name: "leaf", version: "1.0.0" }, { "index.js": "" })
  await publish("1.0.0")
  machine = await makeFolder(below("greeter", pluginFiles("greeter")))
  for (const source of ["npm:from-npm", "./greeter"])
    expect(await runPagoda(["plugin", "add", source, "--yes"], { cwd: machine, env: env() })).toMatchObject({
      exitCode: 0,
    })
  await publish("2.0.0")
  await writeFiles(machine, below("added", pluginFiles("added")))
  await runPagoda(["migrate"], { cwd: machine, env: env() })
})
afterAll(async () => {
  await registry.stop()
  await removeFolders()
})

async function copyMachine(): Promise<string> {
  const cwd = await makeFolder()
  cpSync(machine, cwd, { recursive: true })
  return cwd
}

const readLock = (cwd: string) => readFileSync(join(cwd, "plugins.lock.json"), "utf8")
const versions = (text: string) =>
  Object.fromEntries(Object.entries<any>(JSON.parse(text).plugins).map(([id, { version }]) => [id, version]))

/** What the lockfile says where nothing is killed. */
async function runWhole(args: string[]): Promise<string> {
  const cwd = await copyMachine()
  expect(await runPagoda(args, { cwd, env: env() })).toMatchObject({ exitCode: 0 })
  return readLock(cwd)
}

/** After its last step a command has nothing left to do but to end. */
function wasCutShort({ isKilled, stderr }: { isKilled: boolean; stderr: string }): boolean {
  return isKilled && !stderr.includes('Step \\"end\\"')
}

/** Every plugin of the lockfile, and nothing else, answers. */
async function expectServes(cwd: string): Promise<void> {
  const host = await startTestHost({ cwd, env: { ...env(), PAGODA_OFFLINE: "true", PAGODA_LOG_LEVEL: "info" } })
  try {
    const wanted = versions(readLock(cwd))
    for (const id of ["from-npm", "greeter", "added"]) {
      const { status, body } = await host.ask(`/api/v2/plugins/${id}/version`)
      expect([id, status, status === 200 ? body : undefined]).toEqual([id, wanted[id] ? 200 : 404, wanted[id]])
    }
  } finally {
    await host.stop()
  }
}

const commands: Record<string, { args: string[]; steps: string[] }> = {
  add: { args: ["plugin", "add", "./added", "--yes"], steps: ["begin", "fetch", "show", "load", "write", "written"] },
  update: {
    args: ["plugin", "update", "from-npm", "--yes"],
    steps: ["begin", "fetch", "show", "load", "write", "written"],
  },
  remove: { args: ["plugin", "remove", "from-npm"], steps: ["begin", "write", "written"] },
  purge: { args: ["plugin", "remove", "from-npm", "--purge", "--yes"], steps: ["begin", "write", "written", "purge"] },
}

describe("killed with -9 at any step, the next command finds the old or the new state and says which:", () => {
  for (const [name, { args, steps }] of Object.entries(commands)) {
    test(`${name}`, async () => {
      const [before, after] = [readLock(machine), await runWhole(args)]
      const seen = new Set<string>()
      for (const step of steps) {
        // the step itself, and a little into it, where it touches the disk
        for (const after_ms of step === "write" ? [0, 1, 2, 4] : [0]) {
          const cwd = await copyMachine()
          const killed = await killPagoda(args, { cwd, env: env() }, { said: `Step \\"${step}\\"`, after_ms })
          const text = readLock(cwd)
          expect([before, after]).toContain(text)
          const state = text === before ? "old" : "new"
          seen.add(state)
          const list = await runPagoda(["plugin", "list", "--json"], { cwd, env: env() })
          expect(list.exitCode).toBe(0)
          expect(JSON.parse(list.stdout).every((plugin: any) => plugin.state === "active")).toBe(true)
          const told = list.stderr.split("\n").filter((line) => line.includes("was cut short"))
          expect([step, after_ms, told.length]).toEqual([step, after_ms, wasCutShort(killed) ? 1 : told.length])
          if (told[0]) expect(told[0]).toContain(`(the ${state} state)`)
          else expect(state).toBe("new")
          expect(readdirSync(cwd).sort()).toEqual([".pagoda", "added", "greeter", "plugins.lock.json"])
          const verified = await runPagoda(["plugin", "verify"], { cwd, env: env() })
          expect(verified).toMatchObject({ exitCode: 0 })
          expect(verified.stderr).not.toContain("was cut short")
          if (after_ms === 0 && (step === "write" || step === "written")) await expectServes(cwd)
          // and the command can be run again
          const again = await runPagoda(args, { cwd, env: env() })
          if (state === "old") expect([again.exitCode, readLock(cwd)]).toEqual([0, after])
        }
      }
      expect([...seen].sort()).toEqual(["new", "old"])
    }, 120_000)
  }

  test("migrate", async () => {
    let killed = 0
    for (const after_ms of [0, 1, 2, 4, 6, 9, 12, 16, 22, 30]) {
      const cwd = await makeFolder()
      const ended = await killPagoda(["migrate"], { cwd, env: env() }, { said: 'Step \\"begin\\"', after_ms })
      if (wasCutShort(ended)) killed++
      const { stdout, stderr, exitCode } = await runPagoda(["migrate", "--json"], { cwd, env: env() })
      expect(exitCode).toBe(0)
      if (wasCutShort(ended)) expect(stderr).toContain('"pagoda migrate\\" was cut short')
      expect(JSON.parse(stdout).dialect).toBe("sqlite")
      const again = await runPagoda(["migrate", "--json"], { cwd, env: env() })
      expect(JSON.parse(again.stdout).applied).toEqual([])
      expect(existsSync(join(cwd, ".pagoda", "commands"))).toBe(false)
    }
    expect(killed).toBeGreaterThan(0)
  }, 60_000)

  test("serve, which says it as well", async () => {
    const cwd = await copyMachine()
    await killPagoda(["plugin", "remove", "greeter"], { cwd, env: env() }, { said: 'Step \\"begin\\"', after_ms: 0 })
    const host = await startTestHost({ cwd, env: { ...env(), PAGODA_LOG_LEVEL: "info" } })
    const { stderr } = await host.stop()
    expect(stderr.split("\n").filter((line) => line.includes("was cut short"))).toHaveLength(1)
  })
})
