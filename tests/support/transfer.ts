import type { Json, User } from "@pagoda/sdk"
import type { Database } from "../../src/db/database.ts"
import type { RunContext } from "../../src/jobs/operations.ts"
import { runExport } from "../../src/transfer/export.ts"
import type { FormatName } from "../../src/transfer/format.ts"
import { runImport } from "../../src/transfer/import.ts"
import { createImports } from "../../src/transfer/imports.ts"
import { openTestCore, rootUser, type TestCore } from "./core.ts"

export type Ran<Result> = { result?: Result; error?: unknown; isWarning: boolean; messages: string[]; logged: string[] }
export type Exported = Ran<{ entries: number }> & { file: string; content_type?: string; file_name?: string }
export type Imported = Ran<Awaited<ReturnType<typeof runImport>>>

type TryOptions = { user?: User; signal?: AbortSignal; onProgress?: (message: string) => unknown }

/** Exports and imports without a queue: each try is begun by the test. */
export function openTestTransfer(database: Database, core: TestCore = openTestCore(database)) {
  const { db, tables } = database
  const imports = createImports(database)
  const known = new Map<string, User | null>()
  const users = { get: async (id: string) => known.get(id) ?? null }
  const parts = { core, database, users, imports }

  const makeJob = async (): Promise<number> => {
    const values = { operation: 11, operation_name: "IMPORT_ENTRIES", user_id: "", username: "", params: {} }
    const [row] = await db.insert(tables.job).values(values).returning({ id: tables.job.id })
    return row!.id
  }

  async function runTry<Result>(
    job: RunContext["job"],
    { user = rootUser, signal = new AbortController().signal, onProgress }: TryOptions,
    work: (context: RunContext) => Promise<Result>,
    output: RunContext["output"],
  ): Promise<Ran<Result>> {
    const ran: Ran<Result> = { isWarning: false, messages: [], logged: [] }
    if (!known.has(user.id)) known.set(user.id, user)
    const context: RunContext = {
      params: {},
      user,
      job,
      signal,
      async progress(_percent, message) {
        ran.messages.push(message ?? "")
        await onProgress?.(message ?? "")
      },
      log: (_level, message) => void ran.logged.push(message),
      output,
      warn() {
        ran.isWarning = true
      },
    }
    try {
      ran.result = await work(context)
    } catch (error) {
      ran.error = error
    }
    return ran
  }

  const toJob = (id: number, entity: { id: number; name: string }, attempts: number): RunContext["job"] => ({
    id,
    operation: 11,
    target: { type: "entity", ...entity },
    attempts,
    created_at: new Date().toISOString(),
  })

  /** A file that was received, with its job; each call of what it gives is one try. */
  async function receive(entity: { id: number; name: string }, format: FormatName, file: string | Uint8Array) {
    const received = await imports.receive(new Response(file).body!)
    const id = await makeJob()
    let attempts = 0
    const never: RunContext["output"] = () => {
      throw new Error("an import has no output")
    }
    return {
      id,
      import: (options: TryOptions = {}): Promise<Imported> =>
        runTry(
          toJob(id, entity, ++attempts),
          options,
          (context) => runImport(parts, context, { format, file: received }),
          never,
        ),
      /** As the runner counts it when a process died. */
      async interrupt() {
        await db.update(tables.job).set({ interruptions: attempts })
      },
    }
  }

  return {
    core,
    imports,
    users: known,

    async export(
      entity: { id: number; name: string },
      format: FormatName,
      options: TryOptions = {},
    ): Promise<Exported> {
      let file = ""
      let about = {}
      const output: RunContext["output"] = (options) => {
        about = options
        return {
          async write(text) {
            file += text
          },
        }
      }
      const ran = await runTry(toJob(1, entity, 1), options, (context) => runExport(parts, context, { format }), output)
      return { ...ran, ...about, file }
    },

    receive,

    async import(entity: { id: number; name: string }, format: FormatName, file: string, options: TryOptions = {}) {
      return (await receive(entity, format, file)).import(options)
    },

    /** Name → values, of the active entries, as they are read. */
    async entries(entity: { id: number }): Promise<Record<string, { [name: string]: Json }>> {
      const all: [string, { [name: string]: Json }][] = []
      for (let offset = 0; ; offset += 1000) {
        const { results } = await core.entryLists.list(rootUser, { entity: entity.id, limit: 1000, offset })
        all.push(...results.map(({ name, attrs }): [string, { [name: string]: Json }] => [name, attrs]))
        if (results.length < 1000) return Object.fromEntries(all)
      }
    },
  }
}
