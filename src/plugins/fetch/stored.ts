import { PagodaError } from "../../errors.ts"
import type { FetchContext } from "../fetch.ts"
import type { FileTree } from "../tree.ts"

/** What the store has under a locked hash. Damaged is as good as absent where it may be fetched again. */
export async function readStored(
  subject: string,
  integrity: string | undefined,
  context: FetchContext,
): Promise<FileTree | undefined> {
  const files = integrity === undefined ? undefined : await readUndamaged(subject, integrity, context)
  if (files || !context.offline) return files
  throw new PagodaError(
    "OFFLINE",
    `Cannot fetch "${subject}": ${
      integrity ? `the store has no "${integrity}"` : "nothing of it is locked"
    } and the network is not allowed; start once without PAGODA_OFFLINE`,
  )
}

async function readUndamaged(subject: string, integrity: string, context: FetchContext): Promise<FileTree | undefined> {
  try {
    return await context.store.readTree(integrity)
  } catch (error) {
    if (context.offline || !(error instanceof PagodaError) || error.code !== "STORE_DAMAGED") throw error
    context.progress({ subject, step: "fetching again, the stored one is damaged" })
    return undefined
  }
}
