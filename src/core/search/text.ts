/** After the name and between the values of a document: nothing that is searched for has it. */
export const separator = "\u001f"

/** What both databases can hold and compare alike: neither NUL nor half a character. */
export function toPlainText(text: string): string {
  return text.toWellFormed().replaceAll("\0", "")
}

/** What is found whatever its letter case. A sigma at the end of a word is the same letter. */
export function fold(text: string): string {
  return toPlainText(text).toLowerCase().replaceAll("ς", "σ").replaceAll(separator, " ")
}

/** How much of a text, in characters, an index has. */
export const textReach = 200

export type TextColumns = { text: string | null; whole: string | null; folded: string | null }

/**
 * The texts of an index row in `entry_value`. Where a number or a reference is what is compared, the text is there to be
 * found only, and in no index.
 */
export function toTextColumns(row: { text: string | null; number: number | null; ref_id: number | null }): TextColumns {
  if (row.text === null) return { text: null, whole: null, folded: null }
  if (row.number !== null || row.ref_id !== null) return { text: null, whole: null, folded: fold(row.text) }
  const whole = toPlainText(row.text)
  const text = toStart(whole)
  const folded = fold(whole)
  return { text, whole: whole === text ? null : whole, folded: folded === text ? null : folded }
}

/** What an index has of a text. */
export function toStart(text: string): string {
  return text.length <= textReach ? text : [...text.slice(0, 2 * textReach)].slice(0, textReach).join("")
}

/** `entry.search`: the name and the texts of every value, in one. Whoever writes an entry's name or values writes this. */
export function toSearchDocument(name: string, texts: Iterable<string | null>): string {
  const values: string[] = []
  for (const text of texts) if (text) values.push(fold(text))
  return fold(name) + separator + values.join(separator)
}
