const longest = 10_000

/** A job's `text`: a string as it is, anything else as JSON. */
export function toText(result: unknown): string | null {
  const text = typeof result === "string" ? result : JSON.stringify(result)
  return text === undefined ? null : toStorable(text)
}

/** One that fits a list: a whole document in a message helps nobody. */
export function toLine(text: unknown): string {
  const line = typeof text === "string" ? text : String(text)
  return toStorable(line.length > longest ? `${line.slice(0, longest)}…` : line)
}

/** What a plugin throws may be anything, also something that throws when it is looked at. */
export function toReason(thrown: unknown): string {
  try {
    return toLine(thrown instanceof Error ? thrown.message || thrown.name : thrown)
  } catch {
    return "what was thrown cannot be read"
  }
}

// Postgres takes no NUL in a text, and nobody can read half a surrogate pair.
function toStorable(text: string): string {
  return text.replaceAll("\0", "\uFFFD").toWellFormed()
}
