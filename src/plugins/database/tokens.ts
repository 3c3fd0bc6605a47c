export type SqlDialect = "sqlite" | "postgres"

/** A piece of a statement that is neither space nor comment. */
export type Token = {
  /** `word`: a keyword or a bare name; `name`: a quoted one; `placeholder`: `?`, `??`, `$1`. */
  readonly kind: "word" | "name" | "string" | "placeholder" | "semicolon" | "other"
  readonly text: string
  readonly start: number
}

type Reader = (sql: string, start: number) => number | undefined

const word = /[\p{L}_\u0080-\u{10ffff}][\p{L}\p{N}_$\u0080-\u{10ffff}]*/uy
const number = /\.?\d[\w.]*/y
const dollarQuote = /\$(?:[\p{L}_\u0080-\u{10ffff}][\p{L}\p{N}_\u0080-\u{10ffff}]*)?\$/uy
const numbered = /\$\d+/y
const space = /[ \t\n\f\r\v]+/y

/** As the database itself reads it: what is inside a string, a quoted name or a comment is never taken for SQL. */
export function* readTokens(sql: string, dialect: SqlDialect): Generator<Token> {
  const skip = dialect === "sqlite" ? skipInSqlite : skipInPostgres
  let at = 0
  while (at < sql.length) {
    const after = skip(sql, at)
    if (after !== undefined) {
      at = after
      continue
    }
    const token = readToken(sql, at, dialect)
    yield token
    at += token.text.length
  }
}

function readToken(sql: string, start: number, dialect: SqlDialect): Token {
  const to = (kind: Token["kind"], end: number): Token => ({ kind, text: sql.slice(start, end), start })
  const character = sql[start] as string
  const isSqlite = dialect === "sqlite"
  if (character === ";") return to("semicolon", start + 1)
  if (character === '"' || (isSqlite && character === "`")) return to("name", endOfQuoted(sql, start, character))
  if (isSqlite && character === "[") return to("name", endAfter(sql, "]", start + 1))
  if (character === "'") return to("string", endOfQuoted(sql, start, "'"))
  if (!isSqlite && /[eE]/.test(character) && sql[start + 1] === "'") return to("string", endOfEscaped(sql, start + 1))
  if (!isSqlite && character === "$") {
    const opening = match(dollarQuote, sql, start)
    if (opening) return to("string", endAfter(sql, opening, start + opening.length))
    const place = match(numbered, sql, start)
    if (place) return to("placeholder", start + place.length)
  }
  if (character === "?") {
    const length = isSqlite ? 1 + (match(/\d+/y, sql, start + 1)?.length ?? 0) : sql[start + 1] === "?" ? 2 : 1
    return to("placeholder", start + length)
  }
  const text = match(word, sql, start) ?? match(number, sql, start)
  if (text) return to(/\d|\./.test(text[0] as string) ? "other" : "word", start + text.length)
  return to("other", start + 1)
}

const skipInSqlite: Reader = (sql, start) => {
  const blank = match(space, sql, start)
  if (blank) return start + blank.length
  if (sql.startsWith("--", start)) return endAfter(sql, "\n", start)
  // at the very end it is no comment, and no statement either
  return sql.startsWith("/*", start) ? endAfter(sql, "*/", start + 2) : undefined
}

const skipInPostgres: Reader = (sql, start) => {
  const blank = match(space, sql, start)
  if (blank) return start + blank.length
  if (sql.startsWith("--", start)) return start + (match(/[^\n\r]*/y, sql, start) as string).length
  return sql.startsWith("/*", start) ? endOfNested(sql, start) : undefined
}

function match(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0]
}

/** What is not closed goes on to the end. */
function endAfter(sql: string, closing: string, from: number): number {
  const found = sql.indexOf(closing, from)
  return found === -1 ? sql.length : found + closing.length
}

/** The quote twice is one of its letters. */
function endOfQuoted(sql: string, start: number, quote: string): number {
  for (let at = start + 1; ; at += 2) {
    at = sql.indexOf(quote, at)
    if (at === -1) return sql.length
    if (sql[at + 1] !== quote) return at + 1
  }
}

function endOfEscaped(sql: string, start: number): number {
  for (let at = start + 1; at < sql.length; at++) {
    if (sql[at] === "\\") at++
    else if (sql[at] === "'" && sql[at + 1] === "'") at++
    else if (sql[at] === "'") return at + 1
  }
  return sql.length
}

function endOfNested(sql: string, start: number): number {
  let depth = 0
  for (let at = start; at < sql.length; at++) {
    if (sql.startsWith("/*", at)) depth++
    else if (sql.startsWith("*/", at)) depth--
    else continue
    if (depth === 0) return at + 2
    at++
  }
  return sql.length
}
