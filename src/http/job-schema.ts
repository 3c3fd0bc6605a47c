import { t } from "@pagoda/sdk"

export const jobStatus = t.Union([
  t.Literal("preparing"),
  t.Literal("processing"),
  t.Literal("done"),
  t.Literal("warning"),
  t.Literal("error"),
  t.Literal("timeout"),
  t.Literal("canceled"),
])

const time = t.String({ format: "date-time" })

export const jobSchema = t.Object(
  {
    id: t.Integer(),
    operation: t.Integer({ description: "Below 200 the core's own, 200–9999 the plugins'", examples: [1001] }),
    operation_name: t.String({ examples: ["HELLO_WORLD_TASK"] }),
    plugin: t.Union([t.String(), t.Null()]),
    user: t.Object({ id: t.String(), username: t.String() }),
    target: t.Union([
      t.Object({ type: t.String(), id: t.Union([t.Integer(), t.String()]), name: t.String() }),
      t.Null(),
    ]),
    status: jobStatus,
    progress: t.Integer({ minimum: 0, maximum: 100 }),
    message: t.String({ description: "What the last progress report said" }),
    params: t.Unknown({
      description: "What it was made with. Null in lists and events where that is larger than 64 KiB",
    }),
    text: t.Union([t.String(), t.Null()], {
      description: "What it returned. Null where that is larger than 1 MiB (in lists: 64 KiB): download it",
    }),
    error: t.Union([t.String(), t.Null()], { description: "Why it ended as error or timeout" }),
    attempts: t.Integer({ description: "How many times it was started" }),
    cancelable: t.Boolean(),
    downloadable: t.Boolean(),
    created_at: time,
    started_at: t.Union([time, t.Null()]),
    finished_at: t.Union([time, t.Null()]),
  },
  { description: "One run of an operation" },
)

export const jobLogSchema = t.Object(
  {
    attempt: t.Integer({ description: "The try that said it, counted from 1" }),
    level: t.Union([t.Literal("debug"), t.Literal("info"), t.Literal("warn"), t.Literal("error")]),
    message: t.String({ examples: ["Read 500 rows"] }),
    fields: t.Record(t.String(), t.Unknown(), { examples: [{ rows: 500 }] }),
    created_at: time,
  },
  { description: "A line that a job said" },
)
