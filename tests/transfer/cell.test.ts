import { expect, test } from "bun:test"
import type { AttributeType, Json } from "@pagoda/sdk"
import fc from "fast-check"
import { attributeTypes } from "../../src/core/kinds.ts"
import { fromCell, toCell } from "../../src/transfer/cell.ts"
import { fromTextCell, toTextCell } from "../../src/transfer/cell-text.ts"
import { nastyText } from "../support/nasty-text.ts"

test("a text comes out of its cell as it went in, and no cell begins a formula", () => {
  fc.assert(
    fc.property(nastyText, (text) => {
      const cell = toTextCell(text)
      expect(fromTextCell(cell)).toBe(text)
      expect(cell).not.toMatch(/^[=+\-@\t\r\n＝＋－＠]/)
      expect(cell.isWellFormed()).toBe(true)
      expect(cell).not.toContain("\0")
    }),
    { numRuns: 2000 },
  )
})

test("a text that nobody exported is what it looks like", () => {
  for (const text of ["web01", "'tis", '"quoted"', "=1+1", "-5", "a=b", " x ", "''"])
    expect(fromTextCell(text)).toBe(text)
})

test.each<[AttributeType, Json, string | null]>([
  ["string", "a", "a"],
  ["string", "=1+1", "'=1+1"],
  ["string", "", ""],
  ["string", null, null],
  ["number", -5.5, "-5.5"],
  ["number", 1e21, "1e+21"],
  ["boolean", false, "false"],
  ["date", "2026-01-31", "2026-01-31"],
  ["object", 12, "12"],
  ["named_object", { name: "a", id: null }, '{"name":"a","id":null}'],
  ["array_string", ["a", "=b"], '["a","=b"]'],
  ["array_string", [], null],
  ["multi_select", ["x"], '["x"]'],
])("a cell of %s has %j as %j, and back", (type, value, cell) => {
  expect(toCell(type, value)).toBe(cell)
  expect(fromCell(type, cell)).toEqual(value)
})

test.each<[AttributeType, string, unknown]>([
  ["boolean", "TRUE", true],
  ["boolean", " False ", false],
  ["boolean", "yes", "yes"],
  ["number", " 1e3 ", 1000],
  ["number", "+.5", 0.5],
  ["number", "0x10", "0x10"],
  ["number", "1,5", "1,5"],
  ["number", "", null],
  ["object", "web01", "web01"],
  ["date", " 2026-01-31 ", "2026-01-31"],
  ["array_number", "[1, 2]", [1, 2]],
  ["array_number", "1", 1],
  ["array_number", "1;2", "1;2"],
  ["string", " a ", " a "],
])("a cell of %s with %j is read as %j", (type, cell, value) => {
  expect(fromCell(type, cell)).toEqual(value)
})

test("an empty cell is what an entry without a value has, of every type", () => {
  for (const type of attributeTypes) expect(toCell(type, fromCell(type, null) as Json)).toBeNull()
})
