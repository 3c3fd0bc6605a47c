import { is, SQL, sql } from "drizzle-orm"
import type { Database } from "../db/database.ts"
import type { JobRow, NewJob } from "./records.ts"

type Statement = { execute(values: Record<string, unknown>): Promise<unknown[]> }

/** Of the sets of columns that rows are made of there are a few. */
const most = 100

/** Inserts a row by a statement that is built once for each set of columns: building one takes longer than what it does. */
export function createInsertion(
  { db, tables: { job } }: Pick<Database, "db" | "tables">,
  fixed: Record<string, SQL>,
  returning: Record<string, unknown>,
): (values: NewJob) => Promise<JobRow> {
  const statements = new Map<string, Statement>()

  const build = (names: string[]): Statement => {
    const values = Object.fromEntries(names.map((name) => [name, sql.placeholder(name)]))
    return db
      .insert(job)
      .values({ ...values, ...fixed } as never)
      .returning(returning as never)
      .prepare("job_insert") as never
  }

  return async (values) => {
    const given = Object.entries(values).filter(([, value]) => value !== undefined && value !== null)
    if (given.some(([, value]) => is(value, SQL))) throw new TypeError("A new job takes values, no expressions")
    const names = given.map(([name]) => name)
    const key = names.join()
    const statement = statements.get(key) ?? build(names)
    if (statements.size < most) statements.set(key, statement)
    const [row] = await statement.execute(Object.fromEntries(given))
    return row as JobRow
  }
}
