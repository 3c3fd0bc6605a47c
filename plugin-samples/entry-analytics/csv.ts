import type { ExportedEntity } from "./export.ts"

const header = ["Entity ID", "Entity Name", "Entry ID", "Entry Name", "Created At", "Is Active"]

/** A spreadsheet runs a cell that begins with one of these. */
const isFormula = /^[=+\-@\t\r\n＝＋－＠]/

/** One line an entry (RFC 4180). */
export function toCsv(entities: ExportedEntity[]): string {
  const rows = entities.flatMap(({ entity_id, entity_name, entries }) =>
    entries.map(({ id, name, created_at, is_active }) => [entity_id, entity_name, id, name, created_at, is_active]),
  )
  return [header, ...rows].map((cells) => `${cells.map(toCell).join(",")}\n`).join("")
}

function toCell(value: string | number | boolean): string {
  const text = typeof value === "string" && isFormula.test(value) ? `'${value}` : String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
