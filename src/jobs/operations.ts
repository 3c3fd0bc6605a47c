import type { Backoff, JobContext, Json } from "@pagoda/sdk"
import type { TSchema } from "@sinclair/typebox"
import { PagodaError } from "../errors.ts"
import type { Undo } from "../undo.ts"
import type { JobLog } from "./logs.ts"
import { checkOperation } from "./operation-rules.ts"
import type { Result } from "./results.ts"

/** What a job number does. Below 200 they are the core's own, 200–9999 the plugins'. */
export type Operation = {
  readonly number: number
  readonly plugin: string | null
  readonly name: string
  readonly params?: TSchema
  readonly parallelizable: boolean
  readonly cancelable: boolean
  readonly downloadable: boolean
  readonly hidden: boolean
  readonly attempts: number
  readonly backoff?: Backoff
  /** Left out: 100. */
  readonly priority?: number
  readonly timeout_ms?: number
  /** How long an ended job is kept. Left out: 90. */
  readonly retention_days?: number
  /** Jobs that no user caused may do everything. Left out: they read what everyone may, and write nothing. */
  readonly system?: boolean
  /** A schedule makes no job while this says that there is nothing to do. */
  isNeeded?(): Promise<boolean>
  run(context: RunContext): Promise<unknown>
  /** Told when a job ended with an error or a timeout, and no other try follows. */
  onFailure?(error: unknown): void
}

export type RunContext = Omit<JobContext<Json>, "api"> & {
  /** A line that is kept with the job. */
  readonly log: JobLog["write"]
  /** The download, written as it comes. Once a try. */
  readonly output: Result["open"]
  /** The job ends as `warning` in place of `done`. */
  warn(): void
}

export type Operations = {
  /** A job that runs while its operation is taken out again ends with the code that it began with. */
  register(operation: Operation): Undo
  get(number: number): Operation | undefined
  /** Those that this process serves. */
  numbers(): number[]
  /** Tells of every operation that is registered from now on: its jobs may have waited for it. */
  onRegister(listener: (operation: Operation) => void): Undo
  /** Does something for every operation that is there, and undoes it when that leaves. */
  accompany(begin: (operation: Operation) => Undo): Undo
}

export function createOperations(): Operations {
  const operations = new Map<number, Operation>()
  const listeners = new Set<(operation: Operation) => void>()
  const companions = new Set<(operation: Operation) => Undo>()
  const leaving = new WeakMap<Operation, Set<Undo>>()
  return {
    register(operation) {
      const { number, plugin } = operation
      const refuse = `Cannot register job operation ${number} (${operation.name}) of ${toOwner(operation)}`
      if (!isOwnNumber(operation)) {
        const wanted = plugin === null ? "the core's are 1–199" : "plugins have 200–9999"
        throw new PagodaError("PLUGIN_INVALID", `${refuse}: the number is "${number}", ${wanted}`, {
          plugin: plugin ?? undefined,
        })
      }
      const taken = operations.get(number)
      if (taken) {
        const owner = `${toOwner(taken)} has that number already (${taken.name})`
        throw new PagodaError("JOB_NUMBER_TAKEN", `${refuse}: ${owner}`, { plugin: plugin ?? undefined })
      }
      checkOperation(operation)
      operations.set(number, operation)
      const undos = new Set<Undo>()
      leaving.set(operation, undos)
      for (const begin of companions) undos.add(begin(operation))
      for (const listener of listeners) listener(operation)
      return () => {
        if (operations.get(number) !== operation) return
        operations.delete(number)
        for (const undo of undos) undo()
      }
    },
    get: (number) => operations.get(number),
    numbers: () => [...operations.keys()],
    accompany(begin) {
      companions.add(begin)
      for (const operation of operations.values()) leaving.get(operation)?.add(begin(operation))
      return () => void companions.delete(begin)
    },
    onRegister(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}

export function isOwnNumber({ number, plugin }: Pick<Operation, "number" | "plugin">): boolean {
  if (!Number.isInteger(number)) return false
  return plugin === null ? number >= 1 && number < 200 : number >= 200 && number <= 9999
}

function toOwner({ plugin }: Operation): string {
  return plugin === null ? "the core" : `plugin "${plugin}"`
}
