import { headOf, isWord, readStatement, refuse, type Statement } from "./statements.ts"
import type { SqlDialect, Token } from "./tokens.ts"

/**
 * What a statement may begin with. Not among them: what opens other files, ends or begins transactions, or changes the
 * connection. On Postgres this is for clear messages: what keeps a plugin in is its role.
 */
const verbs: Record<SqlDialect, ReadonlySet<string>> = {
  sqlite: toSet("select values with insert replace update delete create drop alter reindex analyze pragma"),
  postgres: toSet(
    "select values table with insert update delete merge create drop alter truncate comment analyze refresh reindex do call show",
  ),
}

/** Those that read, and the version that a plugin may keep for itself. */
const pragmas = toSet(
  "table_info table_xinfo table_list index_list index_info index_xinfo foreign_key_list foreign_key_check user_version data_version integrity_check quick_check page_count page_size freelist_count optimize",
)
/** They do nothing inside the transaction of a migration, and generated migrations contain them. */
const migrationPragmas = toSet("foreign_keys defer_foreign_keys")
const virtualTables = toSet("fts5 rtree")
/** They take a file, or the text of a value as the address of a function, and run what is there. */
const nativeCall = /^.?(load_extension|fts3_tokenizer).?$/i

const known = new Map<string, Statement>()
/** What is kept of long statements, such as inserts of many rows, would be many times their size. */
const knownLimits = { statements: 500, characters: 2_000 }

/** The one statement of a call, if a plugin may run it. @throws QUERY_REFUSED */
export function readQuery(sql: string, dialect: SqlDialect): Statement {
  const key = `${dialect}:${sql}`
  const seen = known.get(key)
  if (seen) return seen
  const statement = readStatement(sql, dialect)
  checkStatement(statement, dialect)
  if (sql.length > knownLimits.characters) return statement
  if (known.size >= knownLimits.statements) known.clear()
  known.set(key, statement)
  return statement
}

/** @throws QUERY_REFUSED */
export function checkStatement(
  { sql, tokens }: Statement,
  dialect: SqlDialect,
  { isMigration = false }: { isMigration?: boolean } = {},
): void {
  const head = tokens[0] && isWord(tokens[0], "explain") ? explained(tokens) : tokens
  const verb = wordOf(head[0])
  if (!verbs[dialect].has(verb)) {
    const hint = transactional.has(verb) ? "; a transaction is api.db.transaction with a list" : ""
    throw refuse(`"${(head[0]?.text ?? "").toUpperCase()}" is not among what a plugin may run${hint}`, sql)
  }
  if (dialect === "postgres") return
  if (verb === "pragma") checkPragma(head, sql, isMigration)
  if (verb === "create" && isWord(head[1], "virtual")) checkVirtualTable(head, sql)
  for (const { kind, text } of tokens) {
    const [, call = ""] = kind === "string" ? [] : (nativeCall.exec(text) ?? [])
    if (call) throw refuse(`"${call}" would bring machine code into the host`, sql)
  }
}

const transactional = toSet("begin start commit end rollback abort savepoint release prepare")

/** Postgres has options in front of what is explained. */
function explained(tokens: readonly Token[]): readonly Token[] {
  const head = headOf(tokens)
  let at = 0
  if (head[0]?.text === "(") at = head.findIndex(({ text }) => text === ")") + 1
  while (isWord(head[at], "analyze") || isWord(head[at], "verbose")) at++
  return head.slice(at)
}

function checkPragma(head: readonly Token[], sql: string, isMigration: boolean): void {
  const name = wordOf(head[2]?.text === "." ? head[3] : head[1])
  if (pragmas.has(name) || (isMigration && migrationPragmas.has(name))) return
  throw refuse(`"PRAGMA ${name}" is not among what a plugin may run`, sql)
}

function checkVirtualTable(head: readonly Token[], sql: string): void {
  const using = head.findIndex((token) => isWord(token, "using"))
  const name = wordOf(head[using + 1])
  if (using !== -1 && virtualTables.has(name)) return
  throw refuse(`virtual tables are made with ${[...virtualTables].join(" or ")}`, sql)
}

function wordOf(token: Token | undefined): string {
  return token?.kind === "word" ? token.text.toLowerCase() : ""
}

function toSet(words: string): ReadonlySet<string> {
  return new Set(words.split(" "))
}
