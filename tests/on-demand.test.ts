import { expect, test } from "bun:test"
import { onDemand } from "../src/on-demand.ts"

test("onDemand() makes a part when it is first asked for, and once", () => {
  const made: string[] = []
  const parts: { first: object; second: object } = onDemand<{ first: object; second: object }>({
    first: () => {
      made.push("first")
      return {}
    },
    second: () => {
      made.push("second")
      return { first: parts.first }
    },
  })
  expect(made).toEqual([])
  expect(parts.second).toBe(parts.second)
  expect(parts.second).toEqual({ first: parts.first })
  expect(made).toEqual(["second", "first"])
})

test("onDemand() gives what can be spread, and makes again what could not be made", () => {
  let tries = 0
  const parts = onDemand<{ part: number }>({
    part: () => {
      if (++tries === 1) throw new Error("not now")
      return tries
    },
  })
  expect(() => parts.part).toThrow("not now")
  expect({ ...parts }).toEqual({ part: 2 })
})
