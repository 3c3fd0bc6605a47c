import { type Job, t, type User } from "@pagoda/sdk"
import type { Jobs } from "../jobs/jobs.ts"
import type { Operation, Operations, RunContext } from "../jobs/operations.ts"
import { lazily } from "../lazily.ts"
import type { TransferParts } from "./export.ts"
import type { FormatName } from "./format.ts"
import { openEntity } from "./open-entity.ts"

const exportNumber = 10
const importNumber = 11

export type TransferFile = { readonly format: FormatName; readonly body: ReadableStream<Uint8Array> }

/** Entries as files, in and out. */
export type Transfer = {
  /** @throws NOT_FOUND */
  export(user: User, entityId: number, format: FormatName): Promise<Job>
  /** Once all of the file is here. @throws NOT_FOUND, FORBIDDEN, BODY_TOO_LARGE, VALIDATION_FAILED */
  import(user: User, entityId: number, file: TransferFile): Promise<Job>
}

export type TransferContext = TransferParts & { readonly operations: Operations; readonly jobs: Jobs }

const format = t.Union([t.Literal("csv"), t.Literal("json")])
const exportParams = t.Object({ format })
const importParams = t.Object({ format, file: t.Integer({ description: "Where it is kept" }) })

/** Registers what exports and imports entries; what does it is loaded for the first job. */
export function registerTransfer({ operations, jobs, ...parts }: TransferContext): Transfer {
  const openImports = lazily(async () => {
    const { createImports } = await import("./imports.ts")
    return createImports(parts.database)
  })
  const targetOf = async (user: User, id: number, level: "readable" | "writable") => {
    const { name } = await openEntity(parts.core, user, id, level)
    return { type: "entity", id, name }
  }

  operations.register({
    ...common,
    number: exportNumber,
    name: "EXPORT_ENTRIES",
    params: exportParams,
    parallelizable: true,
    async run(context: RunContext) {
      const { runExport } = await import("./export.ts")
      return runExport(parts, context, context.params as { format: FormatName })
    },
  })
  operations.register({
    ...common,
    number: importNumber,
    name: "IMPORT_ENTRIES",
    params: importParams,
    parallelizable: false,
    async run(context: RunContext) {
      const { runImport } = await import("./import.ts")
      return runImport(
        { ...parts, imports: await openImports() },
        context,
        context.params as { format: FormatName; file: number },
      )
    },
  })

  return {
    async export(user, entityId, format) {
      const target = await targetOf(user, entityId, "readable")
      return jobs.create({ operation: exportNumber, params: { format }, target, user })
    },

    async import(user, entityId, { format, body }) {
      const target = await targetOf(user, entityId, "writable")
      const imports = await openImports()
      const file = await imports.receive(body)
      const job = await jobs.create({ operation: importNumber, params: { format, file }, target, user })
      await imports.assign(file, job.id)
      return job
    },
  }
}

/** An export that was interrupted begins anew, an import goes on: what failed for a reason would fail again. */
const common = {
  plugin: null,
  cancelable: true,
  downloadable: true,
  hidden: false,
  attempts: 1,
} as const satisfies Partial<Operation>
