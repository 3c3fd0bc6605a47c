import { PagodaError } from "../../errors.ts"
import { readTokens, type SqlDialect, type Token } from "./tokens.ts"

/** One statement, without the semicolon at its end. */
export type Statement = { readonly sql: string; readonly tokens: readonly Token[] }

/** The only statement of a text. @throws QUERY_REFUSED where it has none, or several */
export function readStatement(sql: string, dialect: SqlDialect): Statement {
  const [first, second] = splitStatements(sql, dialect)
  if (!first) throw refuse("there is no statement in it")
  if (second) {
    throw refuse("it is several statements, wanted one a call; give them to api.db.transaction as a list", second.sql)
  }
  return first
}

/** A body of statements between `BEGIN` and `END`, as triggers and functions have one, does not end its statement. */
export function splitStatements(sql: string, dialect: SqlDialect): Statement[] {
  if (sql.includes("\0")) throw refuse("it contains the character U+0000")
  const found: Statement[] = []
  let tokens: Token[] = []
  const finish = (end: number) => {
    const [first] = tokens
    if (first) found.push({ sql: sql.slice(first.start, end).trimEnd(), tokens })
    tokens = []
  }
  let body: "none" | "open" = "none"
  for (const token of readTokens(sql, dialect)) {
    if (body === "none" && token.kind === "semicolon") {
      finish(token.start)
      continue
    }
    const before = tokens.at(-1)
    if (body === "open" && isWord(token, "end") && (before?.kind === "semicolon" || isWord(before, "atomic"))) {
      body = "none"
    } else if (body === "none" && tokens.length < 200 && opensBody([...tokens, token], dialect)) body = "open"
    tokens.push(token)
  }
  finish(sql.length)
  return found
}

/** Where a trigger's body begins cannot be told from names; where it ends can: nothing but `END` follows its last `;`. */
function opensBody(tokens: readonly Token[], dialect: SqlDialect): boolean {
  const head = headOf(tokens)
  if (!isWord(head[0], "create")) return false
  if (dialect === "postgres") return isWord(tokens.at(-1), "atomic") && isWord(tokens.at(-2), "begin")
  const isTemporary = isWord(head[1], "temp") || isWord(head[1], "temporary")
  return head.length === (isTemporary ? 3 : 2) && isWord(head.at(-1), "trigger")
}

/** What a statement is, whether it is explained or run. */
export function headOf(tokens: readonly Token[]): readonly Token[] {
  if (!isWord(tokens[0], "explain")) return tokens
  return tokens.slice(isWord(tokens[1], "query") && isWord(tokens[2], "plan") ? 3 : 1)
}

export function isWord(token: Token | undefined, text: string): boolean {
  return token?.kind === "word" && token.text.toLowerCase() === text
}

/** @param sql what the message shows of the statement */
export function refuse(problem: string, sql?: string): PagodaError {
  const shown = sql === undefined ? "" : ` ("${sql.length > 80 ? `${sql.slice(0, 80)}…` : sql}")`
  return new PagodaError("QUERY_REFUSED", `The plugin's query is refused: ${problem}${shown}`)
}
