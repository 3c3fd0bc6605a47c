import type { Database, Transaction } from "../db/database.ts"
import type { Tables } from "../db/schema.ts"

/** Who is in what: taken by whatever adds members or deletes what may be one, so that no list keeps what is gone. */
export const membersTurn = "members"

/** Until the transaction ends, no other that takes the turn of that name runs, on any replica: for rules that span rows. */
export async function takeTurn(handle: Transaction, { meta }: Tables, name: string): Promise<void> {
  const row = { key: `turn:${name}`, value: "" }
  await handle
    .insert(meta)
    .values(row)
    .onConflictDoUpdate({ target: meta.key, set: { value: "" } })
}

/** A transaction that has its turn from its beginning. */
export function inTurn<T>(
  { tables, transaction }: Database,
  name: string,
  work: (handle: Transaction) => Promise<T>,
): Promise<T> {
  return transaction(async (handle) => {
    await takeTurn(handle, tables, name)
    return work(handle)
  })
}
