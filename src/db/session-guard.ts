import { AsyncLocalStorage } from "node:async_hooks"

type Query = () => Promise<unknown>
type Prepared = { queryWithCache(text: string, params: unknown[], query: Query): Promise<unknown> }
type Session = { prepareQuery(query: { sql: string }, ...shape: unknown[]): Prepared }

/**
 * Runs every statement of a drizzle handle by `run`, in place of the wrapper that puts the parameters into errors. What
 * `isHot` says of a statement's text, Postgres keeps prepared.
 */
export function guardSession(
  handle: object,
  run: (query: Query) => Promise<unknown>,
  isHot?: (text: string) => boolean,
): void {
  const { session } = handle as { session: Session }
  const prepare = session.prepareQuery.bind(session)
  session.prepareQuery = (query, ...shape) =>
    Object.assign(prepare(query, ...shape), {
      queryWithCache: (_text: string, _params: unknown[], query: Query) => run(query),
      ...(isHot?.(query.sql) && { prepare: true }),
    })
}

/** Knows whether the code that asks runs inside an open transaction. */
export function createTransactionScope() {
  const scopes = new AsyncLocalStorage<{ open: boolean }>()
  return {
    /** On SQLite such a query would wait for itself, on Postgres it would miss what the transaction wrote. */
    refuseInside(): void {
      if (scopes.getStore()?.open)
        throw new Error("A query on the database inside a transaction: use the transaction's handle")
    },
    async run<T>(work: () => Promise<T>): Promise<T> {
      const scope = { open: true }
      try {
        return await scopes.run(scope, work)
      } finally {
        scope.open = false
      }
    },
  }
}
