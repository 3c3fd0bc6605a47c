import { describe, expect, test } from "bun:test"
import { createLog } from "../../src/log.ts"
import { limitLog } from "../../src/plugins/limit-log.ts"
import { createLimits, standardLimits } from "../../src/plugins/limits.ts"
import { overLimit } from "../../src/plugins/over-limit.ts"

describe("a limit over a time", () => {
  test("lets as many as it says in each window, and counts those refused", () => {
    const clock = { now: 0 }
    const limits = createLimits(() => clock.now)
    limits.set(new Map([["a", { jobs_per_minute: 3 }]]))
    const own = limits.of("a")
    const take = (times: number) => Array.from({ length: times }, () => own.take("jobs_per_minute"))
    expect(take(5)).toEqual([true, true, true, false, false])
    clock.now = 59_999
    expect(take(1)).toEqual([false])
    clock.now = 60_000
    expect(take(4)).toEqual([true, true, true, false])
    expect(own.refused.jobs_per_minute).toBe(4)
    expect(limits.of("b").take("jobs_per_minute")).toBe(true)
  })

  test("holds at once when it is changed, and is the standard where it is not set any more", () => {
    const limits = createLimits()
    const own = limits.of("a")
    expect(own.values).toEqual(standardLimits)
    limits.set(new Map([["a", { route_ms: 1 }]]))
    expect(own.values).toEqual({ ...standardLimits, route_ms: 1 })
    limits.set(new Map())
    expect(own.values).toEqual(standardLimits)
  })
})

test("a refusal names the plugin, the limit and what changes it", () => {
  const error = overLimit(createLimits().of("a"), "jobs_per_minute", "create a job")
  expect(error).toMatchObject({ status: 429, code: "LIMIT_EXCEEDED", plugin: "a", headers: { "retry-after": "60" } })
  expect(error.message).toBe(
    'Cannot create a job: the limit "jobs_per_minute" of plugin "a" is 60000; an administrator changes it with "PATCH /api/v2/admin/plugins/a/limits"',
  )
})

test("no field of a line makes it another plugin's, or nobody's", () => {
  const limits = createLimits(() => 0)
  const lines: string[] = []
  const write = (line: string) => void lines.push(JSON.parse(line).plugin)
  const own = limitLog(createLog({ level: "debug", format: "json", write }), limits).with({ plugin: "a" })
  for (let nth = 1; nth <= 100; nth++) own.info("mine", { plugin: nth % 2 ? "b" : nth })
  own.with({ plugin: "b" }).info("one too many", { plugin: "b" })
  own.info("another", { plugin: null })
  expect(lines).toEqual(Array(100).fill("a"))
  expect([limits.of("a").refused.log_lines_per_second, limits.of("b").refused.log_lines_per_second]).toEqual([2, 0])
})

test("a log has as many lines of a plugin as it may write, then one that says how many were dropped", async () => {
  const clock = { now: 0 }
  const limits = createLimits(() => clock.now)
  const lines: { message: string; plugin?: string }[] = []
  const told = Promise.withResolvers<void>()
  const write = (line: string) => {
    lines.push(JSON.parse(line))
    if (line.includes("dropped")) told.resolve()
  }
  const log = limitLog(createLog({ level: "debug", format: "json", write }), limits)
  const own = log.with({ plugin: "a" })
  for (let nth = 1; nth <= 1_100; nth++) own.info(`line ${nth}`)
  log.warn("not a plugin's")
  log.warn("another's", { plugin: "b" })
  expect(lines).toHaveLength(102)
  await told.promise
  expect(lines.at(-1)).toMatchObject({
    message: 'Plugin "a" writes too much: 1000 more lines dropped',
    plugin: "a",
  })
  expect(limits.of("a").refused.log_lines_per_second).toBe(1_000)
})
