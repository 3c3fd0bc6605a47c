import { describe, expect, test } from "bun:test"
import type { AttributeType, Json } from "@pagoda/sdk"
import fc from "fast-check"
import { attributeTypes, isEmpty, kinds } from "../../src/core/kinds.ts"
import type { Issue } from "../../src/errors.ts"

const choices = ["planned", "live", ""]

function check(type: AttributeType, value: unknown) {
  const issues: Issue[] = []
  const stored = kinds[type].check(value, { choices }, "attrs.a", issues)
  return { stored, issues, paths: issues.map(({ path }) => path) }
}

const good: [AttributeType, Json[]][] = [
  ["string", ["", "a", "\u0000", "\ud800", "😀", "x".repeat(65_536), "ü".repeat(32_768)]],
  ["text", ["a\nb"]],
  ["boolean", [true, false]],
  ["number", [0, 1, -1, 0.1, 1e300, 2 ** 53, 5e-324]],
  ["date", ["2026-01-31", "2024-02-29", "0001-01-01", "9999-12-31"]],
  [
    "datetime",
    [
      "2026-01-31T12:00:00.000Z",
      "2026-01-31T12:00:00Z",
      "2026-01-31T12:00Z",
      "2026-01-31T23:59:59.123456789Z",
      "0001-01-01T00:00:00Z",
    ],
  ],
  ["select", ["planned", ""]],
  ["multi_select", [[], ["live"], ["live", "planned"]]],
  ["object", [1, Number.MAX_SAFE_INTEGER]],
  [
    "named_object",
    [
      { name: "", id: 1 },
      { name: "a", id: null },
      { name: "", id: null },
    ],
  ],
  ["group", [1]],
  ["role", [1]],
  ["array_string", [[], ["a", "", "a"]]],
  ["array_number", [[1, 1, 0.5]]],
  ["array_object", [[1, 2, 1]]],
  [
    "array_named_object",
    [
      [
        { name: "a", id: 1 },
        { name: "a", id: null },
      ],
    ],
  ],
  ["array_group", [[1, 2]]],
  ["array_role", [[1]]],
]

describe("a value that fits is stored as it is", () => {
  test.each(good)("%s", (type, values) => {
    for (const value of values) expect(check(type, value)).toEqual({ stored: value, issues: [], paths: [] })
  })

  test("every attribute type has such values", () => {
    expect(good.map(([type]) => type)).toEqual(attributeTypes)
  })
})

const bad: [AttributeType, unknown[]][] = [
  ["string", [1, true, [], {}, "x".repeat(65_537), "ü".repeat(32_769)]],
  ["text", [1]],
  ["boolean", ["true", 0, 1]],
  ["number", ["1", Number.NaN, Number.POSITIVE_INFINITY, JSON.parse("1e999"), true, [1]]],
  [
    "date",
    [
      "2026-02-29",
      "2026-13-01",
      "2026-00-10",
      "2026-01-32",
      "2026-1-1",
      "0000-01-01",
      "2026-01-31T00:00:00Z",
      " 2026-01-31",
      "2026-01-31\n",
      5,
    ],
  ],
  [
    "datetime",
    [
      "2026-01-31",
      "2026-01-31T12:00:00",
      "2026-02-30T12:00:00Z",
      "2026-01-31T24:00:00Z",
      "2026-01-31T12:60:00Z",
      "2026-01-31T12:00:60Z",
      "2026-01-31T12:00:00+24:00",
      "2026-01-31T12:00:00+0900",
      "2026-01-31 12:00:00Z",
      "2026-01-31t12:00:00z",
      "0001-01-01T00:00:00+09:00",
      "9999-12-31T23:59:59-09:00",
      1_700_000_000_000,
    ],
  ],
  ["select", ["other", "Planned", ["planned"], 1]],
  ["multi_select", ["live", [1], ["other"], ["live", "live"]]],
  ["object", ["1", 0, -1, 1.5, 2 ** 53, { id: 1 }, [1]]],
  [
    "named_object",
    [
      1,
      "a",
      [],
      { name: 1, id: 1 },
      { name: "a", id: "1" },
      { name: "a" },
      { id: 1 },
      {},
      { name: "a", id: 1, more: 1 },
    ],
  ],
  ["group", ["admins", 0]],
  ["role", ["admins"]],
  ["array_string", ["a", [1], [null], [["a"]]]],
  ["array_number", [1, ["1"], [Number.NaN]]],
  ["array_object", [1, ["1"], [null]]],
  ["array_named_object", [{ name: "a", id: 1 }, [1]]],
  ["array_group", [1, ["1"]]],
  ["array_role", [1, [{}]]],
]

describe("a value that does not fit is refused under its path", () => {
  test.each(bad)("%s", (type, values) => {
    for (const value of values) {
      const { paths } = check(type, value)
      expect(paths).not.toEqual([])
      for (const path of paths) expect(path).toMatch(/^attrs\.a(\.\d+)?(\.(name|id|more))?$/)
    }
  })

  test("an item is named by its place, and all of them at once", () => {
    expect(check("array_number", [1, "2", 3, "4"]).paths).toEqual(["attrs.a.1", "attrs.a.3"])
    const names = [
      { name: 1, id: 0 },
      { name: "a", id: 1 },
    ]
    expect(check("array_named_object", names).paths).toEqual(["attrs.a.0.name", "attrs.a.0.id"])
  })

  test("an array has 10 000 items at most", () => {
    expect(check("array_number", new Array(10_000).fill(1)).paths).toEqual([])
    expect(check("array_number", new Array(10_001).fill(1)).paths).toEqual(["attrs.a"])
  })
})

test("a time with an offset becomes the same instant in UTC", () => {
  expect(check("datetime", "2026-01-31T12:00:00+09:00").stored).toBe("2026-01-31T03:00:00.000Z")
  expect(check("datetime", "2026-01-31T12:00:00.5-00:30").stored).toBe("2026-01-31T12:30:00.500Z")
})

test("empty are null, empty text, an empty array and a named object without both; false and 0 are not", () => {
  for (const value of [null, "", [], { name: "", id: null }]) expect(isEmpty(value)).toBe(true)
  for (const value of [false, 0, " ", [""], [null], { name: "a", id: null }, { name: "", id: 1 }]) {
    expect(isEmpty(value)).toBe(false)
  }
})

test("any JSON is stored as something that JSON brings back equal, with finite index rows, or refused with its path", () => {
  const value = fc.oneof(
    fc.jsonValue(),
    fc.array(fc.record({ name: fc.string({ unit: "binary" }), id: fc.option(fc.nat()) })),
    fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
    fc.date({ noInvalidDate: true }).map((date) => date.toISOString().slice(0, 10)),
    fc.subarray(choices),
  )
  fc.assert(
    fc.property(fc.constantFrom(...attributeTypes), value, (type, given) => {
      if (given === null) return
      const { stored, paths } = check(type, given)
      if (paths.length > 0) return paths.every((path) => path.startsWith("attrs.a"))
      expect(JSON.parse(JSON.stringify(stored))).toEqual(JSON.parse(JSON.stringify(given)))
      for (const { text, number, ref_id } of kinds[type].toIndex(stored)) {
        expect(text === null || typeof text === "string").toBe(true)
        expect(number === null || Number.isFinite(number)).toBe(true)
        expect(ref_id === null || Number.isSafeInteger(ref_id)).toBe(true)
      }
    }),
    { seed: 20261122, numRuns: 3000 },
  )
})

test("what a value is found by: text, numbers and what it refers to", () => {
  const index = (type: AttributeType, value: Json) => kinds[type].toIndex(value)
  const none = { text: null, number: null, ref_id: null }
  expect(index("string", "Web")).toEqual([{ ...none, text: "Web" }])
  expect(index("number", 4.5)).toEqual([{ ...none, text: "4.5", number: 4.5 }])
  expect(index("boolean", false)).toEqual([{ ...none, number: 0 }])
  expect(index("date", "1970-01-02")).toEqual([{ ...none, text: "1970-01-02", number: 86_400_000 }])
  expect(index("array_object", [7, 8])).toEqual([
    { ...none, ref_id: 7 },
    { ...none, ref_id: 8 },
  ])
  expect(index("named_object", { name: "N", id: 7 })).toEqual([{ ...none, text: "N", ref_id: 7 }])
  expect(index("multi_select", ["live"])).toEqual([{ ...none, text: "live" }])
  expect(index("array_string", [])).toEqual([])
})

test("what a value refers to, with the path of each", () => {
  expect(kinds.object.references(7, "attrs.a")).toEqual([{ type: "entry", id: 7, path: "attrs.a" }])
  expect(kinds.array_role.references([7], "attrs.a")).toEqual([{ type: "role", id: 7, path: "attrs.a.0" }])
  expect(
    kinds.array_named_object.references(
      [
        { name: "a", id: null },
        { name: "b", id: 3 },
      ],
      "attrs.a",
    ),
  ).toEqual([{ type: "entry", id: 3, path: "attrs.a.1.id" }])
  expect(kinds.string.references("7", "attrs.a")).toEqual([])
})
