import { AsyncLocalStorage } from "node:async_hooks"

type Query = () => Promise<unknown>
type Prepared = { queryWithCache(text: string, params: unknown[], query: Query): Promise<unknown> }
type Session = { prepareQuery(query: unknown, ...shape: unknown[]): Prepared }

/** Runs every statement of a drizzle handle by `run`, in place of the wrapper that puts the parameters into errors. */
export function guardSession(handle: object, run: (query: Query) => Promise<unknown>): void {
  const { session } = handle as { session: Session }
  const prepare = session.prepareQuery.bind(session)
  session.prepareQuery = (query, ...shape) =>
    Object.assign(prepare(query, ...shape), {
      queryWithCache: (_text: string, _params: unknown[], query: Query) => run(query),
    })
}

/** Knows whether the code that asks runs inside an open transaction. */
export function createTransactionScope() {
  const scopes = new AsyncLocalStorage<{ open: boolean; after: (() => void)[] }>()
  return {
    /** On SQLite such a query would wait for itself, on Postgres it would miss what the transaction wrote. */
    refuseInside(): void {
      if (scopes.getStore()?.open)
        throw new Error("A query on the database inside a transaction: use the transaction's handle")
    },
    /** Afterwards, if the work that is going on succeeds; at once where none is. */
    after(act: () => void): void {
      const scope = scopes.getStore()
      if (scope?.open) scope.after.push(act)
      else act()
    },
    async run<T>(work: () => Promise<T>): Promise<T> {
      const scope = { open: true, after: [] as (() => void)[] }
      let result: T
      try {
        result = await scopes.run(scope, work)
      } finally {
        scope.open = false
      }
      for (const act of scope.after) act()
      return result
    },
  }
}
