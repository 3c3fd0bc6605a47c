import type { Statement } from "./statements.ts"

/** A statement as Postgres numbers its values, and how many it wants. */
export type Numbered = { readonly sql: string; readonly count: number }

const numbered = new WeakMap<Statement, Numbered>()

/** `?` becomes `$1`, `$2`, …, and `??` the operator `?`; where it has `$1` already, a `?` is the operator. */
export function toNumbered(statement: Statement): Numbered {
  const known = numbered.get(statement)
  if (known) return known
  const made = number(statement)
  numbered.set(statement, made)
  return made
}

function number({ sql, tokens }: Statement): Numbered {
  const places = tokens.filter(({ kind }) => kind === "placeholder")
  const own = places.filter(({ text }) => text.startsWith("$")).map(({ text }) => Number(text.slice(1)))
  const offset = tokens[0]?.start ?? 0
  let count = 0
  let made = ""
  let at = 0
  for (const { text, start } of places) {
    const isPlace = text === "?" && own.length === 0
    if (!isPlace && text !== "??") continue
    made += sql.slice(at, start - offset) + (isPlace ? `$${++count}` : "?")
    at = start - offset + text.length
  }
  return { sql: made + sql.slice(at), count: own.length > 0 ? Math.max(...own) : count }
}
