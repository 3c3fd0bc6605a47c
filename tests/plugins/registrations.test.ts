import { describe, expect, test } from "bun:test"
import { createRegistrations } from "../../src/plugins/registrations.ts"

function setUp() {
  const there: string[] = []
  const begin = (name: string) => () => {
    there.push(name)
    return () => void there.splice(there.indexOf(name), 1)
  }
  return { there, begin }
}

describe("registrations", () => {
  test("begin all at once, and are taken back the last first", () => {
    const undone: string[] = []
    const own = createRegistrations()
    for (const name of ["a", "b", "c"]) own.add(() => () => undone.push(name))
    own.enter()
    expect(own.withdraw()).toEqual([])
    expect(undone).toEqual(["c", "b", "a"])
  })

  test("that are wanted now, or come after the others, begin at once", () => {
    const { there, begin } = setUp()
    const own = createRegistrations()
    own.add(begin("now"), "now")
    own.add(begin("later"))
    expect(there).toEqual(["now"])
    own.enter()
    own.add(begin("after"))
    expect(there).toEqual(["now", "later", "after"])
  })

  test("of which one throws begin not at all, and those of before can be entered again", () => {
    const { there, begin } = setUp()
    const before = createRegistrations()
    before.add(begin("old"))
    before.enter()
    const next = createRegistrations()
    next.add(begin("new"))
    next.add(() => {
      throw new Error("taken")
    })
    before.withdraw()
    expect(() => next.enter()).toThrow("taken")
    expect(there).toEqual([])
    before.enter()
    expect(there).toEqual(["old"])
  })

  test("whose undo throws keep none of the others", () => {
    const { there, begin } = setUp()
    const own = createRegistrations()
    own.add(begin("a"))
    own.add(() => () => {
      throw new Error("no")
    })
    own.enter()
    expect(own.withdraw()).toEqual([new Error("no")])
    expect(there).toEqual([])
  })

  test("that were taken out one by one do not come again", () => {
    const { there, begin } = setUp()
    const own = createRegistrations()
    const undo = own.add(begin("a"))
    own.enter()
    undo()
    undo()
    own.withdraw()
    own.enter()
    expect(there).toEqual([])
  })
})
