import type { Json, SqlRow } from "@pagoda/sdk"
import postgres from "postgres"
import { readQuery } from "./guard.ts"
import { toNumbered } from "./placeholders.ts"
import { usePlainTypes } from "./postgres-types.ts"
import { type Bounds, createBounds, refuseCount, toDriverValues, toRow } from "./values.ts"

/** How long a statement may take, in milliseconds. */
const longestStatement = 30_000
const rowsAtOnce = 1_000
const writes = new Set(["INSERT", "UPDATE", "DELETE", "MERGE"])

export type Credentials = { readonly username: string; readonly password: string }
export type PostgresAnswer = { readonly changes: number; rows(): SqlRow[]; arrays(): Json[][] }

type On = Pick<postgres.Sql, "unsafe">

export type PluginClient = {
  readonly sql: postgres.Sql
  /** Left out, `check` is for this answer alone. */
  query(on: On, sql: string, params?: readonly Json[], check?: Bounds): Promise<PostgresAnswer>
  end(): Promise<void>
}

/** A few connections of the plugin's own, which are gone when it is quiet. Left out, `as` is the core's own user. */
export function openPostgresClient(url: string, schema: string, as: Credentials | undefined): PluginClient {
  const sql = postgres(url, {
    ...as,
    max: 2,
    idle_timeout: 20,
    connect_timeout: 10,
    fetch_types: false,
    connection: {
      application_name: toApplicationName(schema),
      search_path: `"${schema}"`,
      statement_timeout: longestStatement,
      lock_timeout: longestStatement,
      standard_conforming_strings: true,
      TimeZone: "UTC",
      DateStyle: "ISO",
    } as object,
    onnotice: () => {},
  })
  usePlainTypes(sql)
  return {
    sql,
    async query(on, text, params = [], check = createBounds()) {
      const numbered = toNumbered(readQuery(text, "postgres"))
      refuseCount(numbered.count, params.length)
      return run(on, numbered.sql, toDriverValues(params), check)
    },
    end: () => sql.end({ timeout: 1 }),
  }
}

/** What the server shows of a plugin's connections: another name for each plugin, and none is cut. */
export function toApplicationName(schema: string): string {
  return `pagoda ${schema}`
}

/** In pieces, so that an answer that is too large is never in memory; one that is small comes in one piece. */
async function run(
  on: On,
  text: string,
  params: (string | number | boolean | null)[],
  check: Bounds,
): Promise<PostgresAnswer> {
  const found: Json[][] = []
  let columns: string[] | undefined
  // never prepared: after some uses Postgres would plan it for any value, which is slow for what is found by a pattern
  const pending = on.unsafe(text, params, { prepare: false, simple: false } as object).values()
  const result = await pending.cursor(rowsAtOnce, (piece) => {
    columns ??= toColumns(piece)
    // not every index of a piece has a row: the driver counts on from the piece before
    for (const row of Object.values(piece) as unknown as Json[][]) {
      check(row)
      found.push(row)
    }
  })
  const { command, count } = result as unknown as { command: string; count: number }
  return {
    // of an answer in pieces the count is that of the last one
    changes: writes.has(command) ? Math.max(count, found.length) : 0,
    rows: () => found.map((row) => toRow(columns ?? [], row)),
    arrays: () => found,
  }
}

function toColumns(piece: unknown): string[] | undefined {
  return (piece as { columns?: { name: string }[] | null }).columns?.map(({ name }) => name)
}
