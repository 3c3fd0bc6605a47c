import type { JobStatus, Json, Time } from "@pagoda/sdk"
import type { Kit } from "./kit.ts"

export function defineJobTables(kit: Kit) {
  const job = kit.table(
    "job",
    {
      id: kit.serial(),
      operation: kit.int().notNull(),
      operation_name: kit.text().notNull(),
      plugin: kit.text(),
      user_id: kit.text().notNull(),
      username: kit.text().notNull(),
      target_type: kit.text(),
      target_id: kit.scalar(),
      target_name: kit.text(),
      status: kit.text().$type<JobStatus>().notNull().default("preparing"),
      progress: kit.int().notNull().default(0),
      message: kit.text().notNull().default(""),
      params: kit.json<Json>().notNull(),
      text: kit.text(),
      error: kit.text(),
      /** How many times `run` was started. */
      attempts: kit.int().notNull().default(0),
      /** How many tries failed: one that was killed is not among them. */
      failures: kit.int().notNull().default(0),
      /** How many times the process died while it ran. */
      interruptions: kit.int().notNull().default(0),
      /** The process that runs it, or ran it last: its row in `job_worker` while that lives. Postgres only. */
      worker: kit.text(),
      cancelable: kit.bool().notNull().default(true),
      downloadable: kit.bool().notNull().default(false),
      hidden: kit.bool().notNull().default(false),
      /** A job with a key runs after those before it with the same one. */
      serial_key: kit.text(),
      /** Not before this time: a try after a failed one waits. */
      run_after: kit.time(),
      created_at: kit.time().notNull().$defaultFn(now),
      updated_at: kit.time().notNull().$defaultFn(now).$onUpdateFn(now),
      started_at: kit.time(),
      finished_at: kit.time(),
      /** Lower runs first. */
      priority: kit.int().notNull().default(100),
      /** Grows with each change of any job: who has seen up to one asks for those after it. */
      revision: kit.ref().notNull().default(0),
      /** What the download is, where it is not what `text` says by itself. */
      content_type: kit.text(),
      file_name: kit.text(),
      /** How many rows of `job_part` hold what it returned, where that is too large for `text`. */
      parts: kit.int().notNull().default(0),
      /** How long one that has ended is kept. */
      retention_days: kit.int().notNull().default(90),
      /** When one that has ended is removed. */
      expires_at: kit.time(),
    },
    (table) => [
      kit.index("job_user_id").on(table.user_id, table.id),
      kit.index("job_status").on(table.status, table.id),
      kit.index("job_operation").on(table.operation, table.id),
      kit.index("job_plugin").on(table.plugin, table.id),
      kit.index("job_revision").on(table.revision),
      kit.index("job_expires_at").on(table.expires_at),
    ],
  )
  const owner = () =>
    kit
      .ref("job_id")
      .notNull()
      .references(() => job.id, { onDelete: "cascade" })
  /** A result that is too large for the row, in pieces that can be streamed. */
  const job_part = kit.table(
    "job_part",
    { job_id: owner(), index: kit.int().notNull(), content: kit.text().notNull() },
    (table) => [kit.primaryKey({ columns: [table.job_id, table.index] })],
  )
  const job_log = kit.table(
    "job_log",
    {
      id: kit.serial(),
      job_id: owner(),
      /** The try that said it. */
      attempt: kit.int().notNull(),
      level: kit.text().$type<"debug" | "info" | "warn" | "error">().notNull(),
      message: kit.text().notNull(),
      fields: kit.json<Record<string, Json>>().notNull(),
      created_at: kit.time().notNull().$defaultFn(now),
    },
    (table) => [kit.index("job_log_job_id").on(table.job_id, table.id)],
  )
  const job_schedule = kit.table(
    "job_schedule",
    {
      operation: kit.int().notNull(),
      /** A digest of the params: an operation has one schedule for the same ones. */
      params_digest: kit.text().notNull(),
      params: kit.json<Json>().notNull(),
      plugin: kit.text(),
      cron: kit.text().notNull(),
      user_id: kit.text().notNull(),
      username: kit.text().notNull(),
      next_at: kit.time().notNull(),
      created_at: kit.time().notNull().$defaultFn(now),
      updated_at: kit.time().notNull().$defaultFn(now).$onUpdateFn(now),
    },
    (table) => [kit.primaryKey({ columns: [table.operation, table.params_digest] })],
  )
  /** Processes that run jobs, and when each was last heard of, by the database's clock. Postgres only. */
  const job_worker = kit.table("job_worker", { id: kit.text().primaryKey(), seen_at: kit.time().notNull() })
  /** A file of entries that is to be imported, and how far that has come. */
  const job_import = kit.table(
    "job_import",
    {
      id: kit.serial(),
      /** Empty until all of the file is here. */
      job_id: kit.ref().references(() => job.id, { onDelete: "cascade" }),
      /** The try that goes on with it: one that was taken to be dead writes nothing more. */
      attempt: kit.int().notNull().default(0),
      /** Of the file, in code units. */
      size: kit.ref().notNull().default(0),
      /** How many of its rows are done: written with what the last one of them wrote. */
      position: kit.int().notNull().default(0),
      created: kit.int().notNull().default(0),
      updated: kit.int().notNull().default(0),
      unchanged: kit.int().notNull().default(0),
      failed: kit.int().notNull().default(0),
      errors: kit.json<{ row: number; path: string; message: string; code: string }[]>().notNull(),
      is_finished: kit.bool().notNull().default(false),
      /** Those of the job when it was finished: one more and the process died before it could say so. */
      interruptions: kit.int().notNull().default(0),
      created_at: kit.time().notNull().$defaultFn(now),
    },
    (table) => [kit.index("job_import_job_id").on(table.job_id)],
  )
  const job_import_part = kit.table(
    "job_import_part",
    {
      import_id: kit
        .ref()
        .notNull()
        .references(() => job_import.id, { onDelete: "cascade" }),
      index: kit.int().notNull(),
      content: kit.text().notNull(),
    },
    (table) => [kit.primaryKey({ columns: [table.import_id, table.index] })],
  )
  return { job, job_part, job_log, job_schedule, job_worker, job_import, job_import_part }
}

function now(): Time {
  return new Date().toISOString()
}
