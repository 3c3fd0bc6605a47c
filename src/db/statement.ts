import { type Column, type Query, type SQL, sql } from "drizzle-orm"
import type { Database, Transaction } from "./database.ts"

type Values = { readonly [placeholder: string]: unknown }
type Fields = { readonly [name: string]: Column }
type Row<Answered extends Fields> = { [Name in keyof Answered]: Answered[Name]["_"]["data"] }

/** Runs on the database, or inside of a transaction. */
export type Statement<Answered extends Fields> = (
  values: Values,
  handle?: Transaction | undefined,
) => Promise<Row<Answered>[]>

/** What drizzle's handles are made of, of both dialects. */
type Handle = {
  dialect: { sqlToQuery(query: SQL): Query }
  session: {
    prepareQuery(
      query: Query,
      fields: { path: string[]; field: Column }[],
      kept: "all" | undefined,
      isArrayMode: true,
    ): { execute(values: Values): Promise<unknown> }
  }
}

/**
 * A statement that comes with every request: its text is made once, at its first use, with `sql.placeholder` where its
 * values are to be. What drizzle itself prepares belongs to one session, and so is of no use inside of transactions.
 * Postgres keeps it prepared, and plans it after some uses for any values at once: only for what is found by its key.
 *
 * @param fields the columns of what it gives, in their order
 */
export function createStatement<Answered extends Fields>(
  { db }: Database,
  toQuery: () => SQL,
  fields: Answered,
): Statement<Answered> {
  const answered = Object.entries(fields).map(([name, field]) => ({ path: [name], field }))
  let query: Query | undefined
  return (values, handle) => {
    const { dialect, session } = (handle ?? db) as unknown as Handle
    query ??= dialect.sqlToQuery(toQuery())
    return session.prepareQuery(query, answered, "all", true).execute(values) as Promise<Row<Answered>[]>
  }
}

/** More shapes than a program has of its own: what is left comes from who asks for the unusual. */
const shapeLimit = 32

/**
 * Runs statements that come with many requests and have few shapes, each with its values in it. Postgres keeps the first
 * shapes prepared, on each connection, of those that it would plan alike for any values.
 *
 * @param fields the columns of what they give, in their order
 */
export function createStatements<Answered extends Fields>(database: Database, fields: Answered) {
  const answered = Object.entries(fields).map(([name, field]) => ({ path: [name], field }))
  const shapes = new Set<string>()
  return (statement: SQL, isAlike: boolean) => {
    const { dialect, session } = database.db as unknown as Handle
    const query = dialect.sqlToQuery(statement)
    if (isAlike && shapes.size < shapeLimit) shapes.add(query.sql)
    const kept = database.dialect === "sqlite" || shapes.has(query.sql) ? "all" : undefined
    return session.prepareQuery(query, answered, kept, true).execute({}) as Promise<Row<Answered>[]>
  }
}

/** A part without values of what is made often, as the text that it is. */
export function toText({ db }: Database, part: SQL): SQL {
  return sql.raw((db as unknown as Handle).dialect.sqlToQuery(part).sql)
}

/** The place of a value that the column is to have. Postgres does not see its type where it is selected. */
export function placeFor({ dialect }: Database, column: Column, name: string): SQL {
  const place = sql`${sql.param(sql.placeholder(name), column)}`
  return dialect === "postgres" ? sql`${place}::${sql.raw(column.getSQLType())}` : place
}
