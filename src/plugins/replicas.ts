import { randomUUID } from "node:crypto"
import type { Database } from "../db/database.ts"
import { toMessage } from "../errors.ts"
import type { Log } from "../log.ts"
import type { Undo } from "../undo.ts"
import type { Retry } from "./reconcile.ts"

const channel = "plugins"

export type Replicas = {
  /** The others read their lockfile and the database again, and try this plugin again, or all that failed. */
  tell(id?: string): Promise<void>
  /** Does what the others tell, from now on. */
  follow(): Undo
}

export type ReplicasContext = { database: Database; sync(retry: Retry): Promise<void>; log: Log }

/** Hosts that share a database. On SQLite there is one. */
export function createReplicas({ database, sync, log }: ReplicasContext): Replicas {
  const { dialect, signals } = database
  const self = randomUUID()
  if (dialect === "sqlite") return { tell: async () => {}, follow: () => () => {} }
  const tell = (id = "") => signals.publish(channel, `${self} ${id}`)
  return {
    tell,
    follow() {
      const undo = signals.subscribe(channel, (payload) => {
        const [from, id] = payload?.split(" ") ?? []
        if (from === self) return
        const retry = payload === null ? new Set<string>() : id ? new Set([id]) : "all"
        sync(retry).catch((error) => log.error(`What runs stays as it is: ${toMessage(error)}`))
      })
      // of a host that comes in another version the others would not know
      tell().catch((error) => log.error("Cannot tell the other hosts of this one", { error }))
      return undo
    },
  }
}

/** From a command, which is no host itself. */
export async function tellHosts({ dialect, signals }: Database, id = ""): Promise<void> {
  if (dialect === "postgres") await signals.publish(channel, `command ${id}`)
}
