import type { AttributeType, Json } from "@pagoda/sdk"
import { kinds } from "../core/kinds.ts"
import { fromTextCell, toTextCell } from "./cell-text.ts"

/** How a value looks in a cell. */
type Shape = { toCell(value: Json): string; fromCell(cell: string): unknown }

const text: Shape = { toCell: (value) => toTextCell(value as string), fromCell: fromTextCell }
const plain: Shape = { toCell: (value) => value as string, fromCell: (cell) => cell.trim() }
const json: Shape = { toCell: (value) => JSON.stringify(value), fromCell: parseOrKeep }
const number: Shape = {
  toCell: (value) => JSON.stringify(value),
  fromCell: (cell) => (numberPattern.test(cell.trim()) ? Number(cell) : cell),
}
/** Spreadsheets write them in capitals. */
const boolean: Shape = { toCell: String, fromCell: (cell) => booleans.get(cell.trim().toLowerCase()) ?? cell }

const numberPattern = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i
const booleans = new Map([
  ["true", true],
  ["false", false],
])

const shapes: { readonly [Type in AttributeType]: Shape } = {
  string: text,
  text,
  boolean,
  number,
  date: plain,
  datetime: plain,
  select: text,
  multi_select: json,
  object: number,
  named_object: json,
  group: number,
  role: number,
  array_string: json,
  array_number: json,
  array_object: json,
  array_named_object: json,
  array_group: json,
  array_role: json,
}

/** `null`: the cell is empty. An empty text is a cell of its own, with quotes around nothing. */
export function toCell(type: AttributeType, value: Json): string | null {
  return value === null || isEmptyArray(value) ? null : shapes[type].toCell(value)
}

/** What cannot be read stays the text that it is: whoever checks the value says what was wanted. */
export function fromCell(type: AttributeType, cell: string | null): unknown {
  const shape = shapes[type]
  if (cell === null || (shape !== text && cell.trim() === "")) return kinds[type].empty
  return shape.fromCell(cell)
}

function isEmptyArray(value: Json): boolean {
  return Array.isArray(value) && value.length === 0
}

function parseOrKeep(cell: string): unknown {
  try {
    return JSON.parse(cell)
  } catch {
    return cell
  }
}
