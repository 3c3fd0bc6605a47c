import type { Database } from "../../db/database.ts"
import type { Log } from "../../log.ts"
import type { Queue } from "./queue.ts"
import { createSqliteQueue } from "./sqlite.ts"

/** `url`: of the database where that is Postgres. */
export type QueueOptions = { url?: string | undefined; database: Database; concurrency?: number; log: Log }

/** The queue that goes with a database; only that is loaded. */
export async function openQueue({ url, database, concurrency = 10, log }: QueueOptions): Promise<Queue> {
  if (url === undefined) return createSqliteQueue({ concurrency, log })
  const { createPostgresQueue } = await import("./postgres.ts")
  return createPostgresQueue({ url, database, concurrency, log })
}
