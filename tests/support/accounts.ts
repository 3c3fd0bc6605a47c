import { type Accounts, openAccounts } from "../../src/core/accounts.ts"
import type { Database } from "../../src/db/database.ts"
import { createLog } from "../../src/log.ts"

export const testSecretKey = "a key for tests that is long enough"

/** Accounts of a migrated database, and every line that they log. */
export function openTestAccounts(
  database: Database,
  secretKey = testSecretKey,
): { accounts: Accounts; lines: string[] } {
  const lines: string[] = []
  const log = createLog({ level: "debug", format: "json", write: (line) => void lines.push(line) })
  return { accounts: openAccounts({ database, secretKey, log }), lines }
}

export const withBearer = (token: string) => new Headers({ authorization: `Bearer ${token}` })
export const withCookie = (token: string) => new Headers({ cookie: `theme=dark; pagoda_session=${token}; other=1` })
