import { describe, expect, test } from "bun:test"
import { createOperations } from "../../src/jobs/operations.ts"
import { toOperation } from "../support/jobs.ts"

const run = async () => {}

describe("createOperations()", () => {
  test("finds what was registered, until its undo runs", () => {
    const operations = createOperations()
    const undo = operations.register(toOperation({ run }))
    expect(operations.get(1001)?.name).toBe("SAMPLE")
    undo()
    expect(operations.get(1001)).toBeUndefined()
  })

  test("refuses a second owner of a number and names both and the number", () => {
    const operations = createOperations()
    operations.register(toOperation({ run, plugin: "first" }))
    const clash = () => operations.register(toOperation({ run, plugin: "second" }))
    expect(clash).toThrow(expect.objectContaining({ code: "JOB_NUMBER_TAKEN", plugin: "second" }))
    for (const word of ["1001", '"first"', '"second"']) expect(clash).toThrow(word)
    expect(operations.get(1001)?.plugin).toBe("first")
  })

  test("an undo that comes late leaves the number's next owner alone", () => {
    const operations = createOperations()
    const undo = operations.register(toOperation({ run, plugin: "old" }))
    undo()
    operations.register(toOperation({ run, plugin: "new" }))
    undo()
    expect(operations.get(1001)?.plugin).toBe("new")
  })

  test.each([199, 0, -1, 10_000, 200.5, Number.NaN])("refuses the number %p for a plugin", (number) => {
    const register = () => createOperations().register(toOperation({ run, number }))
    expect(register).toThrow(expect.objectContaining({ code: "PLUGIN_INVALID" }))
    expect(register).toThrow("200–9999")
  })

  test("takes 200 and 9999 for a plugin, 1 and 199 for the core", () => {
    const operations = createOperations()
    for (const number of [200, 9999]) operations.register(toOperation({ run, number }))
    for (const number of [1, 199]) operations.register(toOperation({ run, number, plugin: null }))
    expect(() => operations.register(toOperation({ run, number: 201, plugin: null }))).toThrow("1–199")
  })

  test("refuses attempts, a back-off, a priority and a time limit that cannot be, all at once", () => {
    const backoff = { type: "never", delay_ms: -1 } as never
    const wrong = { attempts: 0, backoff, priority: 1.5, timeout_ms: Number.NaN }
    const register = () => createOperations().register(toOperation({ run, ...wrong }))
    const paths = ["attempts", "backoff.type", "backoff.delay_ms", "priority", "timeout_ms"]
    expect(register).toThrow(expect.objectContaining({ code: "PLUGIN_INVALID", plugin: "sample" }))
    for (const path of paths) expect(register).toThrow(path)
  })

  test("what accompanies an operation begins with it, or at once, and ends with it", () => {
    const operations = createOperations()
    const there: number[] = []
    const leave = operations.register(toOperation({ run }))
    operations.accompany(({ number }) => {
      there.push(number)
      return () => there.splice(there.indexOf(number), 1)
    })
    expect(there).toEqual([1001])
    const next = operations.register(toOperation({ run, number: 1002 }))
    expect(there).toEqual([1001, 1002])
    leave()
    expect(there).toEqual([1002])
    next()
    expect(there).toEqual([])
  })
})
