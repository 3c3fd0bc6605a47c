import { afterAll, expect, test } from "bun:test"
import { readdirSync } from "node:fs"
import { rename, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { makeFolder, removeFolders, writeFiles } from "../support/folder.ts"
import { type RunningPagoda, runPagoda, startPagodaDev, untilSaid } from "../support/pagoda.ts"
import { pluginFiles } from "../support/plugin-folder.ts"

afterAll(removeFolders)

const code = {
  body: `import { word } from "./parts/word.ts"
import { html } from "@pagoda/sdk"`,
  fields: `pages: (app) => app.get("/", () => html\`<p>\${word}</p>\`, { auth: false }),
  initialize: (api) => api.log.info("begins " + word),
  dispose: () => {},`,
}

async function makeProject(): Promise<string> {
  const folder = await makeFolder()
  await writeFiles(folder, {
    ...pluginFiles("counter", code),
    "parts/word.ts": `export const word = "first"`,
    "static/a.txt": "static",
  })
  return folder
}

type Ask = (path: string, method?: string) => Promise<string>

/** A host on a project, with a folder for temporary files of its own. */
async function startProject(project: string, args: string[] = []) {
  const TMPDIR = await makeFolder()
  const host = await startPagodaDev([project, ...args], { cwd: TMPDIR, env: { TMPDIR, PAGODA_LOG_FORMAT: "json" } })
  const token = /Bearer (pgd_\w+)/.exec(host.stderr())?.[1] ?? ""
  const ask: Ask = async (path, method = "GET") => {
    const response = await fetch(host.url + path, { method, headers: { authorization: `Bearer ${token}` } })
    return response.text()
  }
  return { host, ask, TMPDIR }
}

async function untilAnswers(ask: Ask, wanted: string, host: RunningPagoda): Promise<void> {
  await until(async () => (await ask("/plugins/counter/")) === `<p>${wanted}</p>`, `"${wanted}" is not answered`, host)
}

async function untilState(ask: Ask, wanted: string, host: RunningPagoda): Promise<void> {
  const isSo = async () => JSON.parse(await ask("/api/v2/plugins/counter")).state === wanted
  await until(isSo, `the plugin is not ${wanted}`, host)
}

async function until(isSo: () => Promise<boolean>, problem: string, host: RunningPagoda): Promise<void> {
  const end = performance.now() + 10_000
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`${problem}:\n${host.stderr()}`)
    await Bun.sleep(2)
  }
}

test("dev runs a project unverified, with somebody to log in as, and leaves no data behind", async () => {
  const project = await makeProject()
  const { host, ask, TMPDIR } = await startProject(project)
  try {
    expect(host.stderr()).toContain("UNVERIFIED")
    expect(host.stderr()).toMatch(/Log in as "admin" with the password \S+, or send "Authorization: Bearer pgd_/)
    expect(await ask("/plugins/counter/")).toBe("<p>first</p>")
    expect(await ask("/plugins/counter/static/a.txt")).toBe("static")
    expect(JSON.parse(await ask("/api/v2/plugins/counter"))).toMatchObject({
      state: "active",
      source: `file:${project}`,
    })
    expect(JSON.parse(await ask("/api/v2/me"))).toMatchObject({ username: "admin", is_admin: true })
    expect(JSON.parse(await ask("/api/v2/admin/plugins/counter/disable", "POST"))).toMatchObject({ state: "disabled" })
    for (const path of ["/plugins/counter/", "/plugins/counter/static/a.txt"]) {
      expect(JSON.parse(await ask(path))).toMatchObject({ status: 404 })
      expect((await fetch(host.url + path)).status).toBe(404)
    }
  } finally {
    expect((await host.stop()).exitCode).toBe(0)
  }
  expect(readdirSync(TMPDIR).filter((name) => name.startsWith("pagoda-dev-"))).toEqual([])
  expect(readdirSync(project).sort()).toEqual(["package.json", "parts", "plugin.ts", "static"])
})

test("dev takes a change at once, in folders that came later as well", async () => {
  const project = await makeProject()
  const { host, ask } = await startProject(project)
  try {
    const times: number[] = []
    for (let turn = 0; turn < 10; turn++) {
      const started = performance.now()
      await writeFile(join(project, "parts/word.ts"), `export const word = "turn ${turn}"`)
      await untilAnswers(ask, `turn ${turn}`, host)
      times.push(performance.now() - started)
    }
    const median = times.sort((a, b) => a - b)[5] as number
    expect(median).toBeLessThan(300)
    await untilSaid(host, "begins turn 9")

    await writeFiles(project, { "later/deep/word.ts": `export const word = "later"` })
    await writeFile(join(project, "parts/word.ts"), `export { word } from "../later/deep/word.ts"`)
    await untilAnswers(ask, "later", host)
    await writeFile(join(project, "later/deep/new.ts"), `export const word = "renamed"`)
    await rename(join(project, "later/deep/new.ts"), join(project, "later/deep/word.ts"))
    await untilAnswers(ask, "renamed", host)
  } finally {
    await host.stop()
  }
})

test("a broken change is told with its file and line, and what ran before goes on", async () => {
  const project = await makeProject()
  const { host, ask } = await startProject(project)
  try {
    await writeFile(join(project, "parts/word.ts"), "\nexport const word = ")
    await untilSaid(host, "parts/word.ts:2:")
    expect(await ask("/plugins/counter/")).toBe("<p>first</p>")
    await writeFile(join(project, "parts/word.ts"), "\n\nexport const word = nothing.at.all")
    await untilSaid(host, "parts/word.ts:3:")
    expect(await ask("/plugins/counter/")).toBe("<p>first</p>")
    await rm(join(project, "parts"), { recursive: true })
    await untilSaid(host, "there is no such file in the plugin")
    expect(await ask("/plugins/counter/")).toBe("<p>first</p>")
    await writeFiles(project, { "parts/word.ts": `export const word = "mended"` })
    await untilAnswers(ask, "mended", host)
    await writeFile(join(project, "package.json"), "{")
    await untilSaid(host, "What runs stays as it is")
    expect(await ask("/plugins/counter/")).toBe("<p>mended</p>")
  } finally {
    await host.stop()
  }
})

test("a project that fails too often is quarantined, and tried again at the next change, whatever it is", async () => {
  const project = await makeProject()
  const file = join(project, "parts/word.ts")
  const { host, ask } = await startProject(project)
  try {
    for (const word of ["second", "third"]) {
      await writeFile(file, `export const word = ""\nsetInterval(() => { throw new Error("again") }, 5)`)
      await untilState(ask, "quarantined", host)
      await writeFile(file, `export const word = "${word}"`)
      await untilAnswers(ask, word, host)
    }
  } finally {
    await host.stop()
  }
}, 30_000)

test("dev keeps data where it is told to, but not in the project itself", async () => {
  const project = await makeProject()
  const inside = await runPagoda(["dev", "--data-dir", "data"], { cwd: project })
  expect(inside.exitCode).toBe(1)
  expect(inside.stderr).toContain("is inside of the project")
  const dataDir = await makeFolder()
  const first = await startProject(project, ["--data-dir", dataDir])
  await first.host.stop()
  expect(readdirSync(dataDir)).toContain("pagoda.db")
  const second = await startProject(project, ["--data-dir", dataDir])
  await second.host.stop()
  expect(second.host.stderr()).not.toContain("Log in as")
})

test("dev says what is wrong with what it is given", async () => {
  const cwd = await makeFolder()
  expect((await runPagoda(["dev", "nowhere"], { cwd })).stderr).toContain("it is no folder")
  await writeFiles(cwd, pluginFiles("counter", { manifest: false }))
  const nameless = await runPagoda(["dev", "--port", "0"], { cwd })
  expect(nameless.exitCode).toBe(1)
  expect(nameless.stderr).toContain('add "pagoda": {"id": "<id>", "permissions": []}')
})
