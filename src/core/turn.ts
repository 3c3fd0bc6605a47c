import type { Transaction } from "../db/database.ts"
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
