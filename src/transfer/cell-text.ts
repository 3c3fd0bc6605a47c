/** A spreadsheet runs a cell that begins with one of these as a formula. */
const formula = /^'*[=+\-@\t\r\n＝＋－＠]/
const guarded = /^'+[=+\-@\t\r\n＝＋－＠]/

/** A text as a cell has it, so that nothing runs it and no file loses a part of it. `fromTextCell` undoes exactly that. */
export function toTextCell(text: string): string {
  const cell = isUnwritable(text) ? JSON.stringify(text) : text
  return formula.test(cell) ? `'${cell}` : cell
}

export function fromTextCell(cell: string): string {
  const text = guarded.test(cell) ? cell.slice(1) : cell
  const inner = parseQuoted(text)
  return inner !== undefined && isUnwritable(inner) ? inner : text
}

/** What UTF-8 has no way to say, a NUL, and what would be read back as one of those. */
function isUnwritable(text: string): boolean {
  if (text.includes("\0") || !text.isWellFormed()) return true
  const inner = parseQuoted(text)
  return inner !== undefined && isUnwritable(inner)
}

function parseQuoted(text: string): string | undefined {
  if (!text.startsWith('"')) return undefined
  try {
    const value = JSON.parse(text)
    return typeof value === "string" ? value : undefined
  } catch {
    return undefined
  }
}
