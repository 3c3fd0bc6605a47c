import { expect, test } from "bun:test"
import { PluginError, PluginSecurityError, reject } from "@pagoda/sdk"
import { createFailures } from "../../src/plugins/failures.ts"
import { createLimits } from "../../src/plugins/limits.ts"

function openFailures() {
  const clock = { now: 0 }
  const told: string[] = []
  const limits = createLimits()
  const onTooMany = (plugin: string, problem: string) => void told.push(`${plugin}: ${problem}`)
  const failures = createFailures({ limits, onTooMany, now: () => clock.now })
  const fail = (times: number, plugin = "a") => {
    for (let nth = 1; nth <= times; nth++) failures.add(plugin, new Error(`no. ${nth}`))
  }
  return { failures, clock, told, limits, fail }
}

test("the sixth failure within a minute is one too many, and the count begins anew", () => {
  const { fail, told } = openFailures()
  fail(5)
  expect(told).toEqual([])
  fail(1)
  expect(told).toEqual(["a: it failed 6 times within a minute, at most 5 are allowed; last: no. 1"])
  fail(5)
  expect(told).toHaveLength(1)
})

test("what is older than a minute is forgotten, and each plugin is counted by itself", () => {
  const { fail, told, clock } = openFailures()
  fail(3)
  clock.now = 59_999
  fail(2)
  fail(5, "b")
  clock.now = 60_000
  fail(3)
  expect(told).toEqual([])
  fail(1)
  expect(told).toHaveLength(1)
})

test("what a version did that is gone is forgotten", () => {
  const { fail, told, failures } = openFailures()
  fail(5)
  fail(5, "b")
  failures.forget("a")
  fail(5)
  expect(told).toEqual([])
  fail(1, "b")
  expect(told).toHaveLength(1)
})

test("how many are too many is a limit of the plugin", () => {
  const { fail, told, limits } = openFailures()
  limits.set(new Map([["a", { failures_per_minute: 100 }]]))
  fail(100)
  expect(told).toEqual([])
  fail(1)
  expect(told).toHaveLength(1)
})

test("a refusal is no failure, whoever makes it; what is late is one, whatever it says", () => {
  const { failures, told } = openFailures()
  const meant = [
    new PluginError("no", { code: "NO" }),
    new PluginSecurityError("no", { code: "FORBIDDEN" }),
    Object.assign(new Error("from another process"), { name: "PluginValidationError", code: "VALIDATION_FAILED" }),
    new PluginError("away", { code: "DATABASE_UNREACHABLE" }),
  ]
  try {
    reject("not so")
  } catch (error) {
    meant.push(error as PluginError)
  }
  for (let round = 1; round <= 10; round++) for (const error of meant) failures.add("a", error)
  expect(told).toEqual([])
  for (let nth = 1; nth <= 6; nth++) failures.addLate("a", meant[0])
  expect(told).toHaveLength(1)
})

test("an error of its own queries, and what cannot be looked at, is a failure", () => {
  const { failures, told } = openFailures()
  const evil = new Proxy(
    {},
    {
      get() {
        throw 1
      },
      getPrototypeOf() {
        throw 2
      },
    },
  )
  for (const error of [new PluginError("sql", { code: "QUERY_FAILED" }), evil, undefined, null, "text", 7]) {
    failures.add("a", error)
  }
  expect(told).toHaveLength(1)
})
