import { afterAll, expect, test } from "bun:test"
import { PluginError } from "@pagoda/sdk"
import { InterruptedError } from "../../src/jobs/interruption.ts"
import { removeFolders } from "../support/folder.ts"
import { untilDead } from "../support/job-plugin.ts"
import { makeJobPlugin, openProcesses, run } from "../support/job-processes.ts"

afterAll(removeFolders)

const spin = `const spin = (ms) => { const end = performance.now() + ms; while (performance.now() < end); };`
const sleep = `const sleep = (ms) => new Promise((go) => setTimeout(go, ms));`
const jobs = `jobs: {
  1000: { name: "PID", run: async () => process.pid },
  1001: { name: "SPIN", run: async ({ params, progress }) => { ${spin} await progress(1, "spinning"); spin(params.ms); return process.pid } },
  1002: { name: "DEAF", run: async ({ progress }) => { await progress(1, "deaf"); await new Promise(() => {}) } },
  1003: { name: "SLOW", run: async ({ params, progress }) => { ${sleep} await progress(1, "slow"); await sleep(params.ms); return process.pid } },
  1004: { name: "CHATTY", run: async ({ progress }) => { for (let at = 0; at < 10_000; at++) await progress(at / 100, "at " + at); progress(NaN); await progress(Infinity) } },
  1005: { name: "ABORTED", run: async ({ signal }) => { await new Promise((go) => signal.addEventListener("abort", go)); return [signal.reason.name, signal.reason.message] } },
  1006: { name: "THROWS", run: async ({ params }) => {
    if (params.what === "a string") throw "only a string"
    if (params.what === "nothing") throw null
    if (params.what === "evil") throw new Proxy(new Error("x"), { get() { throw 1 } })
    if (params.what === "a circle") { const circle = {}; circle.circle = circle; return circle }
    if (params.what === "a big integer") return 1n
    throw Object.assign(new TypeError("typed"), { code: "MINE" })
  } },
  1007: { name: "CALLS", run: async ({ params, api }) => { try { return await params.path.split(".").reduce((at, name) => at[name], api)(...params.args) } catch (error) { return [error.name, error.code, error.message] } } },
  1008: { name: "LATER", run: async ({ api }) => { ${sleep} globalThis.kept = api; return null } },
  1009: { name: "LATE_CALL", run: async () => globalThis.kept.env("X").then(() => "came through", (error) => [error.code, error.message]) },
  1010: { name: "NAN", run: async ({ api }) => api.entries.get(NaN).catch((error) => [error.name, error.code, error.message]) },
  1011: { name: "UNDEFINED", run: async ({ api }) => [await api.entries.list(), await api.entries.list(undefined), await api.entities.update(1, { a: undefined }, undefined)] },
  1012: { name: "AS", run: async ({ api }) => { const other = await api.as({ id: "7" }); const system = await other.asSystem(); return [await other.env("A"), await system.env("B"), await api.env("C")] } },
  1014: { name: "FLOOD", run: async ({ api, progress }) => { await progress(1, "flooding"); for (const end = performance.now() + 5_000; performance.now() < end; ) api.env("X") } },
  1015: { name: "STEPS", run: async ({ progress }) => { for (const at of [10, 30, 60]) await progress(at, "at " + at); await progress(90); await progress(NaN, "nearly") } },
  1016: { name: "LEAVES", run: async () => { setTimeout(() => { throw new TypeError("in a timer") }, 1); Promise.reject("nobody awaits") } },
  1013: { name: "ASSET", run: async ({ api }) => { const file = await api.asset("a.bin"); return [file.headers.get("content-type"), [...new Uint8Array(await file.arrayBuffer())]] } },
}`

const number = Number

async function until(holds: () => boolean): Promise<void> {
  const end = performance.now() + 10_000
  while (!holds()) {
    if (performance.now() > end) throw new Error("it never held")
    await Bun.sleep(5)
  }
}

test("thousands of runs go through one process, far quicker than jobs are written down", async () => {
  await using processes = await openProcesses()
  const plugin = processes.add(await makeJobPlugin(jobs))
  const first = await run(plugin, 1000)
  const start = performance.now()
  const pids = await Promise.all(Array.from({ length: 3_000 }, () => run(plugin, 1000)))
  const rate = Math.round(3_000_000 / (performance.now() - start))
  expect(new Set(pids)).toEqual(new Set([first]))
  console.log(`${rate} trivial runs a second`)
  expect(rate).toBeGreaterThan(1_000)
}, 30_000)

test("more runs than a process has slots wait for their turn", async () => {
  await using processes = await openProcesses({ processes: 1 })
  const plugin = processes.add(await makeJobPlugin(jobs))
  const all = await Promise.all(Array.from({ length: 5_000 }, () => run(plugin, 1003, { params: { ms: 5 } })))
  expect(all).toHaveLength(5_000)
}, 30_000)

test("a run that a busy process has not begun goes to another one, and there are never more than were allowed", async () => {
  await using processes = await openProcesses({ processes: 2, claim: 50 })
  const plugin = processes.add(await makeJobPlugin(jobs))
  const told: unknown[] = []
  const busy = [1, 2].map(() => run(plugin, 1001, { params: { ms: 1_500 }, told }))
  await until(() => told.length > 0)
  const start = performance.now()
  const others = await Promise.all(Array.from({ length: 10 }, () => run(plugin, 1000)))
  expect(performance.now() - start).toBeLessThan(4_000)
  const pids = new Set([...(await Promise.all(busy)), ...others])
  expect(pids.size).toBeLessThanOrEqual(2)
  expect(new Set(others).size).toBe(1)
}, 30_000)

test("runs that come together with one that burns a core do not wait for it, in a process that has yet to load as well", async () => {
  await using processes = await openProcesses({ claim: 50 })
  const plugin = processes.add(await makeJobPlugin(jobs))
  for (const _ of ["cold", "warm"]) {
    let isBurning = true
    const burning = run(plugin, 1001, { params: { ms: 2_000 } }).finally(() => {
      isBurning = false
    })
    const others = await Promise.all(Array.from({ length: 20 }, () => run(plugin, 1000)))
    expect(isBurning).toBe(true)
    expect(others).not.toContain(await burning)
  }
}, 30_000)

test("a run that waits while every process is busy ends at once when its signal fires", async () => {
  await using processes = await openProcesses({ processes: 1, claim: 50 })
  const plugin = processes.add(await makeJobPlugin(jobs))
  const told: unknown[] = []
  const busy = run(plugin, 1001, { params: { ms: 1_500 }, told })
  await until(() => told.length > 0)
  const controller = new AbortController()
  const waiting = run(plugin, 1000, { signal: controller.signal })
  const unheard = run(plugin, 1000)
  await Bun.sleep(200)
  const start = performance.now()
  controller.abort(new DOMException("The job is canceled", "AbortError"))
  expect(await waiting.catch((error) => error.message)).toBe("The job is canceled")
  expect(performance.now() - start).toBeLessThan(500)
  expect(await unheard).toBe(await busy)
}, 30_000)

test("the signal of a handler fires with the reason that the host gave", async () => {
  await using processes = await openProcesses()
  const plugin = processes.add(await makeJobPlugin(jobs))
  const controller = new AbortController()
  const aborted = run(plugin, 1005, { signal: controller.signal })
  await run(plugin, 1000)
  controller.abort(new DOMException("The job is timeout", "TimeoutError"))
  expect(await aborted).toBe('["TimeoutError","The job is timeout"]')
}, 30_000)

test("a process that does not answer after a signal is killed: its other runs are interrupted", async () => {
  await using processes = await openProcesses({ answer: 300 })
  const plugin = processes.add(await makeJobPlugin(jobs))
  const slow = run(plugin, 1003, { params: { ms: 60_000 }, id: 2 })
  const told: unknown[] = []
  const controller = new AbortController()
  const looping = run(plugin, 1001, { params: { ms: 60_000 }, signal: controller.signal, told })
  await until(() => told.length > 0)
  controller.abort(new DOMException("The job is timeout", "TimeoutError"))
  const [first, second] = await Promise.allSettled([slow, looping])
  for (const each of [first, second]) {
    expect(each.status).toBe("rejected")
    expect((each as PromiseRejectedResult).reason).toBeInstanceOf(InterruptedError)
  }
  expect(number(await run(plugin, 1000))).toBeGreaterThan(0)
  expect(processes.lines.join("")).toContain("it does not answer since a signal fired in it")
}, 30_000)

test("a handler that calls without pause does not pass for one that listens", async () => {
  await using processes = await openProcesses({ answer: 300 })
  const plugin = processes.add(await makeJobPlugin(jobs))
  const told: unknown[] = []
  const controller = new AbortController()
  const api = { env: async () => "x" }
  const flooding = run(plugin, 1014, { signal: controller.signal, told, api })
  await until(() => told.length > 0)
  controller.abort(new DOMException("The job is canceled", "AbortError"))
  expect(await flooding.catch((error) => error)).toBeInstanceOf(InterruptedError)
  expect(await run(plugin, 1000, { signal: controller.signal }).catch((error) => error.message)).toBe(
    "The job is canceled",
  )
}, 30_000)

test("a process whose handler ignores its signal but leaves it responsive gets no more runs and ends", async () => {
  await using processes = await openProcesses({ settle: 200 })
  const plugin = processes.add(await makeJobPlugin(jobs))
  const pid = await run(plugin, 1000)
  const told: unknown[] = []
  const controller = new AbortController()
  const deaf = run(plugin, 1002, { signal: controller.signal, told })
  await until(() => told.length > 0)
  controller.abort(new DOMException("The job is canceled", "AbortError"))
  expect(await deaf.catch((error) => error.message)).toBe("The job is canceled")
  expect(await run(plugin, 1000)).not.toBe(pid)
  await untilDead(number(pid))
}, 30_000)

test("a process without runs ends after a while, and the next run starts another", async () => {
  await using processes = await openProcesses({ idle: 50 })
  const plugin = processes.add(await makeJobPlugin(jobs))
  const pid = await run(plugin, 1000)
  await untilDead(number(pid))
  expect(await run(plugin, 1000)).not.toBe(pid)
  expect(processes.lines.filter((line) => line.includes('"error"'))).toEqual([])
}, 30_000)

test("when a plugin leaves, its process ends with what it runs, and disposes of the plugin", async () => {
  await using processes = await openProcesses()
  const dispose = `dispose: async () => { console.log("disposed of") }, ${jobs}`
  const plugin = processes.add(await makeJobPlugin(dispose))
  const other = processes.add(await makeJobPlugin(jobs))
  const told: unknown[] = []
  const slow = run(plugin, 1003, { params: { ms: 500 }, told })
  await until(() => told.length > 0)
  plugin.leave()
  const next = await run(other, 1000)
  const pid = await slow
  expect(next).not.toBe(pid)
  await untilDead(number(pid))
  await until(() => processes.lines.join("").includes("disposed of"))
}, 30_000)

test("a bundle with another hash than the host's is not imported", async () => {
  await using processes = await openProcesses()
  const made = await makeJobPlugin(jobs)
  const changed = { ...made, bundle: { ...made.bundle, code: `${made.bundle.code}\n` } }
  const error = await run(processes.add(changed), 1000).catch((error) => error)
  expect(error).toMatchObject({ code: "INTEGRITY_MISMATCH", message: expect.stringContaining('plugin "tested"') })
}, 30_000)

test("a plugin that does not load in the process fails its job alone, and is loaded again for the next", async () => {
  await using processes = await openProcesses()
  const failing = `initialize: async (api) => { if ((await api.env("MAY")) !== "yes") throw new Error("not yet") }, ${jobs}`
  let may = "no"
  const plugin = processes.add(await makeJobPlugin(failing, { api: { env: async () => may } }))
  const fine = processes.add(await makeJobPlugin(jobs))
  const message = await run(plugin, 1000).catch((error) => error.message)
  expect(message).toBe('In the job process: Cannot initialize plugin "tested": it threw: not yet')
  may = "yes"
  const pid = await run(plugin, 1000)
  expect(await run(fine, 1000)).toBe(pid)
}, 30_000)

test("a program that cannot start, or says nothing, interrupts what was to run in it", async () => {
  for (const command of [["/nowhere/pagoda"], ["/usr/bin/sleep", "60"], ["/bin/false"]]) {
    await using processes = await openProcesses({ start: 200 }, { command })
    const plugin = processes.add(await makeJobPlugin(jobs))
    expect(await run(plugin, 1000).catch((error) => error)).toBeInstanceOf(InterruptedError)
  }
}, 30_000)

test("what a handler throws comes as the error that it was, whatever it is", async () => {
  await using processes = await openProcesses()
  const plugin = processes.add(await makeJobPlugin(jobs))
  const thrown = async (what: string): Promise<any> => run(plugin, 1006, { params: { what } }).catch((error) => error)
  expect(await thrown("a string")).toMatchObject({ message: "only a string" })
  expect(await thrown("nothing")).toMatchObject({ message: "null" })
  expect(await thrown("evil")).toMatchObject({ message: "what was thrown cannot be read" })
  expect((await thrown("a circle")).name).toBe("TypeError")
  expect((await thrown("a big integer")).name).toBe("TypeError")
  const error = await thrown("typed")
  expect(error).toMatchObject({ name: "TypeError", message: "typed", code: "MINE" })
  expect(error.stack).toContain("plugin:tested/")
}, 30_000)

test("a handler that reports without pause costs few messages, and its last report arrives before its end", async () => {
  await using processes = await openProcesses()
  const plugin = processes.add(await makeJobPlugin(jobs))
  const told: [number, string | undefined][] = []
  await run(plugin, 1004, { told })
  expect(told[0]).toEqual([0, "at 0"])
  expect(told.slice(-2)).toEqual([
    [Number.NaN, undefined],
    [100, undefined],
  ])
  expect(told.at(-3)).toEqual([99.99, "at 9999"])
  expect(told.length).toBeLessThan(1_000)
}, 30_000)

test("reports that come at once are all told, in order", async () => {
  await using processes = await openProcesses()
  const told: unknown[] = []
  await run(processes.add(await makeJobPlugin(jobs)), 1015, { told })
  expect(told).toEqual([
    [10, "at 10"],
    [30, "at 30"],
    [60, "at 60"],
    [90, undefined],
    [Number.NaN, "nearly"],
  ])
}, 30_000)

test("what a handler leaves behind is told as its plugin's, and in the log", async () => {
  await using processes = await openProcesses()
  await run(processes.add(await makeJobPlugin(jobs)), 1016)
  await until(() => processes.late.length > 0)
  expect(processes.late[0]).toMatchObject(["tested", { name: "TypeError", message: "in a timer" }])
  expect(processes.lines.join("\n")).toContain("left an uncaught exception")
}, 30_000)

test("calls reach the api of their own run only, by names of a fixed table", async () => {
  await using processes = await openProcesses()
  const plugin = processes.add(await makeJobPlugin(jobs))
  const calls: unknown[] = []
  const api = {
    entries: {
      get: async (id: number) => {
        throw new PluginError(`There is no entry ${id}`, { code: "NOT_FOUND" })
      },
      list: async (...args: unknown[]) => void calls.push(args),
    },
    entities: { update: async (...args: unknown[]) => void calls.push(args) },
    asset: async () => new Response(new Uint8Array([0, 255, 10]), { headers: { "content-type": "a/b" } }),
    env: async (name: string) => `mine ${name}`,
    as: async ({ id }: { id: string }) => ({ ...api, env: async (name: string) => `${id} ${name}` }),
    asSystem: async () => ({ ...api, env: async (name: string) => `system ${name}` }),
  }
  const call = async (number: number, params = {}) => JSON.parse((await run(plugin, number, { params, api })) as string)
  expect(await call(1007, { path: "entries.get", args: [3] })).toEqual([
    "PluginError",
    "NOT_FOUND",
    "There is no entry 3",
  ])
  expect(await call(1010)).toEqual([
    "PluginValidationError",
    "VALIDATION_FAILED",
    "Cannot call api.entries.get: NaN is no JSON",
  ])
  await call(1011)
  expect(calls).toEqual([[], [], [1, {}]])
  expect(await call(1012)).toEqual(["7 A", "system B", "mine C"])
  expect(await call(1013)).toEqual(["a/b", [0, 255, 10]])
  await call(1008)
  expect(await call(1009)).toEqual(["JOB_OVER", "Cannot call api.env: its job has ended"])
}, 30_000)

test("a number that the process has no handler for runs in the host", async () => {
  await using processes = await openProcesses()
  const plugin = processes.add(await makeJobPlugin(jobs))
  expect(await run(plugin, 2000)).toBe("in the host")
}, 30_000)

test("closing interrupts what runs and leaves no process behind", async () => {
  const processes = await openProcesses({ stopping: 200 })
  const plugin = processes.add(await makeJobPlugin(jobs))
  const pid = number(await run(plugin, 1000))
  const told: unknown[] = []
  const looping = run(plugin, 1001, { params: { ms: 60_000 }, told })
  looping.catch(() => {})
  await until(() => told.length > 0)
  await processes.close()
  await untilDead(pid)
  expect(looping).rejects.toBeInstanceOf(InterruptedError)
}, 30_000)
