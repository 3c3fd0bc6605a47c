import {
  type Api,
  type DatabaseApi,
  defineTables,
  type HookContextOf,
  job,
  type Migration,
  type Time,
} from "@pagoda/sdk"
import { daysAgo } from "./days-ago.ts"

export const migrations: Migration[] = [
  {
    name: "0001_activity",
    up: {
      sqlite: `
        create table activity (
          entry_id integer not null, version integer not null, entity_id integer not null,
          kind text not null, written_at text not null, primary key (entry_id, version)
        );
        create index activity_written_at on activity (written_at)`,
      postgres: `
        create table activity (
          entry_id bigint not null, version bigint not null, entity_id bigint not null,
          kind text not null, written_at timestamp(3) with time zone not null, primary key (entry_id, version)
        );
        create index activity_written_at on activity (written_at)`,
    },
  },
]

const tables = defineTables((kit) => ({
  activity: kit.table("activity", {
    entry_id: kit.integer().notNull(),
    version: kit.integer().notNull(),
    entity_id: kit.integer().notNull(),
    kind: kit.text().notNull(),
    written_at: kit.time().notNull(),
  }),
}))

type Kind = "create" | "update"
type Written = HookContextOf<"entry.after_create">

/** A durable hook may be told of the same write twice: the version of the entry tells them apart. */
export function recordActivity(kind: Kind) {
  return async ({ api, entity, entry }: Written): Promise<void> => {
    const { ENABLE_REAL_TIME_TRACKING: isOn } = await api.settings.get()
    if (!isOn) return
    const { activity } = tables(api.db)
    const { id: entry_id, version, updated_at: written_at } = entry
    await api.db.drizzle
      .insert(activity)
      .values({ entry_id, version, entity_id: entity.id, kind, written_at })
      .onConflictDoNothing()
  }
}

export async function countActivity(db: DatabaseApi, since: Time): Promise<{ created: number; updated: number }> {
  const rows = await db.all("select kind, count(*) as count from activity where written_at >= ? group by kind", [since])
  const counts = new Map(rows.map(({ kind, count }) => [kind, Number(count)]))
  return { created: counts.get("create") ?? 0, updated: counts.get("update") ?? 0 }
}

/** Runs every night: `initialize` schedules it. */
export const cleanUp = job({
  name: "CLEAN_UP_ANALYTICS",
  hidden: true,
  run: async ({ api }) => {
    const days = await retentionDays(api)
    const { changes } = await api.db.run("delete from activity where written_at < ?", [daysAgo(days)])
    return { deleted: changes, retention_days: days }
  },
})

async function retentionDays(api: Api): Promise<number> {
  return Number((await api.settings.get()).ANALYTICS_RETENTION_DAYS)
}
