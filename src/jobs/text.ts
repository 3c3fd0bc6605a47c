const longest = 10_000

/** What `run` returned, as a job's `text`: a string as it is, anything else as JSON. */
export type Returned = { text: string | null; content_type: "text/plain" | "application/json" | null }

/** What was made text where it ran: in another process. */
export class ReturnedText {
  constructor(readonly returned: Returned) {}
}

export function toReturned(result: unknown): Returned {
  if (result instanceof ReturnedText) return result.returned
  const isText = typeof result === "string"
  const text = isText ? result : JSON.stringify(result)
  if (text === undefined) return { text: null, content_type: null }
  return { text: toStorable(text), content_type: isText ? "text/plain" : "application/json" }
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
export function toStorable(text: string): string {
  return text.replaceAll("\0", "\uFFFD").toWellFormed()
}
