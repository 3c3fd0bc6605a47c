import { afterAll, afterEach, describe, expect, test } from "bun:test"
import { join } from "node:path"
import { makeFolder, removeFolders, writeFiles } from "../support/folder.ts"
import { type RunningPagoda, runPagoda, startPagoda, untilSaid } from "../support/pagoda.ts"
import { below, pluginFiles } from "../support/plugin-folder.ts"

const running: RunningPagoda[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((host) => host.stop("SIGKILL")))
})
afterAll(removeFolders)

async function start(cwd: string, args: string[] = [], env: Record<string, string> = {}): Promise<RunningPagoda> {
  const host = await startPagoda(args, { cwd, env })
  running.push(host)
  return host
}

async function waitFor(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await Bun.sleep(10)
}

const versionOf = async (host: RunningPagoda, id: string) => {
  const answer = await fetch(`${host.url}/api/v2/plugins/${id}/version`)
  return answer.ok ? await answer.text() : answer.status
}

describe("pagoda serve", () => {
  test("prints one line when it is ready, and ends cleanly on SIGTERM", async () => {
    const host = await start(await makeFolder())
    expect(host.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    expect((await fetch(`${host.url}/health/ready`)).status).toBe(200)
    const { stdout, exitCode } = await host.stop("SIGTERM")
    expect(stdout).toBe(`pagoda ready ${host.url}\n`)
    expect(exitCode).toBe(0)
  })

  test("ends on SIGINT as well", async () => {
    const host = await start(await makeFolder())
    expect((await host.stop("SIGINT")).exitCode).toBe(0)
  })

  test("ends at once on a second signal", async () => {
    const cwd = await makeFolder(below("x", pluginFiles("slow", { fields: "dispose: () => new Promise(() => {})," })))
    await runPagoda(["plugin", "add", "./x", "--yes"], { cwd })
    const host = await start(cwd)
    host.process.kill("SIGTERM")
    await waitFor(() => host.stderr().includes("Pagoda stops"))
    expect((await host.stop("SIGTERM")).exitCode).toBe(143)
  })

  test("is refused on a data directory that a host uses", async () => {
    const cwd = await makeFolder()
    await start(cwd)
    const { stderr, stdout, exitCode } = await runPagoda(["serve", "--port", "0"], { cwd })
    expect({ stdout, exitCode }).toEqual({ stdout: "", exitCode: 1 })
    expect(stderr).toContain("another host uses it")
  })

  test("says which port is taken, and the flag that mends it", async () => {
    const host = await start(await makeFolder())
    const { port } = new URL(host.url)
    const { stderr, exitCode } = await runPagoda(["serve", "--port", port], { cwd: await makeFolder() })
    expect(exitCode).toBe(1)
    expect(stderr).toContain("--port")
  })

  test("makes the administrator once, and prints the password once, on stderr", async () => {
    const cwd = await makeFolder()
    const first = await start(cwd)
    const password = /with the password ([\w-]+)/.exec(first.stderr())?.[1]
    expect(password).toBeString()
    await first.stop()
    const second = await start(cwd)
    expect(second.stderr()).not.toContain("password")
    const answer = await fetch(`${second.url}/api/v2/auth/login`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ username: "admin", password }),
    })
    expect(answer.status).toBe(200)
  })

  test.each([
    ["is empty", "", "it is empty"],
    ["is no JSON", "x", "1:1 it is no JSON"],
    [
      "has a duplicate id",
      '{"lockfileVersion":1,"plugins":{"a":{"source":"file:a"},"a":{"source":"file:a"}}}',
      "is there twice",
    ],
    [
      "has an unknown field",
      '{"lockfileVersion":1,"plugins":{"a":{"source":"file:a","x":1}}}',
      '"plugins.a.x" is unknown',
    ],
    ["has 5 MB", `{"x":"${"x".repeat(5_000_000)}"}`, "wanted at most 4 MiB"],
  ])("does not start with a lockfile that %s", async (_, text, wanted) => {
    const cwd = await makeFolder({ "plugins.lock.json": text })
    const { stderr, stdout, exitCode } = await runPagoda(["serve", "--port", "0"], { cwd })
    expect({ stdout, exitCode }).toEqual({ stdout: "", exitCode: 1 })
    expect(stderr).toContain(wanted)
    expect(stderr).toStartWith("pagoda: Cannot read the lockfile")
  })

  test("does not start with a lockfile that is a directory", async () => {
    const cwd = await makeFolder({ "plugins.lock.json/x": "" })
    const { stderr, exitCode } = await runPagoda(["serve", "--port", "0"], { cwd })
    expect(exitCode).toBe(1)
    expect(stderr).toContain("it is a directory, wanted a file")
  })

  test("takes an edited lockfile on SIGHUP, and keeps what runs where the edit is broken", async () => {
    const cwd = await makeFolder(below("a", pluginFiles("plugin-a")))
    const host = await start(cwd)
    expect(await versionOf(host, "plugin-a")).toBe(404)
    await runPagoda(["plugin", "add", "./a", "--yes"], { cwd })
    host.process.kill("SIGHUP")
    await waitFor(async () => (await versionOf(host, "plugin-a")) === "1.0.0")

    await writeFiles(cwd, { "plugins.lock.json": "{" })
    host.process.kill("SIGHUP")
    await waitFor(() => host.stderr().includes("What runs stays as it is"))
    await untilSaid(host, "it is no JSON here")
    expect(await versionOf(host, "plugin-a")).toBe("1.0.0")
  })

  test("loads no plugin with --no-plugins", async () => {
    const cwd = await makeFolder(below("a", pluginFiles("plugin-a")))
    await runPagoda(["plugin", "add", "./a", "--yes"], { cwd })
    const host = await start(cwd, ["--no-plugins"])
    expect(await versionOf(host, "plugin-a")).toBe(404)
  })

  test("takes --lockfile and --data-dir from anywhere", async () => {
    const home = await makeFolder(below("a", pluginFiles("plugin-a")))
    const cwd = await makeFolder()
    const flags = ["--lockfile", join(home, "p.json"), "--data-dir", join(home, "data")]
    await runPagoda(["plugin", "add", join(home, "a"), "--yes", ...flags], { cwd })
    const host = await start(cwd, flags)
    expect(await versionOf(host, "plugin-a")).toBe("1.0.0")
  })
})

test("pagoda openapi describes the core and every active plugin, beside a host that runs", async () => {
  const cwd = await makeFolder(below("a", pluginFiles("plugin-a")))
  await runPagoda(["plugin", "add", "./a", "--yes"], { cwd })
  await start(cwd)
  const printed = await runPagoda(["openapi"], { cwd })
  expect(printed.stderr).toBe("")
  const document = JSON.parse(printed.stdout)
  expect(document.openapi).toStartWith("3.1")
  expect(Object.keys(document.paths)).toContain("/api/v2/plugins/plugin-a/version")
  expect((await runPagoda(["openapi", "--out", "o.json"], { cwd })).stdout).toBe("")
  expect(await Bun.file(join(cwd, "o.json")).json()).toEqual(document)
  await runPagoda(["plugin", "disable", "plugin-a"], { cwd })
  expect((await runPagoda(["openapi"], { cwd })).stdout).not.toContain("plugin-a/version")
})
