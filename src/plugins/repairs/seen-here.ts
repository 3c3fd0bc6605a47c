import { and, desc, eq } from "drizzle-orm"
import type { Database } from "../../db/database.ts"
import { toMessage } from "../../errors.ts"
import type { Log } from "../../log.ts"
import type { Undo } from "../../undo.ts"
import type { Repair } from "../database/repair.ts"
import type { RepairKey } from "../repairs.ts"

/** What this process sees, which is told again where another one, that does not see it, said that it is over. */
export type SeenHere = {
  add(repair: Repair): void
  delete(key: RepairKey): void
  /** The others look whether what is over here is over for them. */
  tellOver(): Promise<void>
  /** Looks when others tell, from now on. */
  follow(): Undo
}

export type SeenHereContext = {
  readonly database: Database
  readonly log: Log
  report(repair: Repair): Promise<void>
  /** How long what is over elsewhere has to be over here as well, in milliseconds. */
  readonly pause?: number | undefined
}

const channel = "repairs"

export function createSeenHere({ database, log, report, pause = 3_000 }: SeenHereContext): SeenHere {
  const { db, tables, signals } = database
  const self = crypto.randomUUID()
  const seen = new Map<string, Repair>()

  /** An administrator who says that one is dealt with is believed. */
  const isToldOver = async ({ plugin, code }: RepairKey) => {
    const { repair } = tables
    const same = and(eq(repair.plugin, plugin), eq(repair.code, code))
    const [newest] = await db.select().from(repair).where(same).orderBy(desc(repair.id)).limit(1)
    return newest ? newest.resolved_at !== null && newest.resolved_by === null : false
  }
  const look = async () => {
    for (const repair of [...seen.values()]) {
      const isOver = await isToldOver(repair)
      if (isOver && seen.get(toKey(repair)) === repair) await report(repair)
    }
  }

  return {
    add: (repair) => void seen.set(toKey(repair), repair),
    delete: (key) => void seen.delete(toKey(key)),
    tellOver: () => signals.publish(channel, self),
    follow() {
      let timer: Timer | undefined
      let looking = Promise.resolve()
      const undo = signals.subscribe(channel, (from) => {
        if (from === self) return
        timer ??= setTimeout(() => {
          timer = undefined
          looking = look().catch((error) => {
            log.error(`Cannot look what needs an administrator: ${toMessage(error)}`, { error })
          })
        }, pause)
      })
      return () => {
        undo()
        clearTimeout(timer)
        return looking
      }
    },
  }
}

function toKey({ plugin, code }: RepairKey): string {
  return `${plugin}\n${code}`
}
