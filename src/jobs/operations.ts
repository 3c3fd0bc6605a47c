import type { JobContext, Json } from "@pagoda/sdk"
import type { TSchema } from "@sinclair/typebox"
import { PagodaError } from "../errors.ts"
import type { Undo } from "../undo.ts"

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
  readonly timeout_ms?: number
  run(context: RunContext): Promise<unknown>
}

export type RunContext = Omit<JobContext<Json>, "api">

export type Operations = {
  /** A job that runs while its operation is taken out again ends with the code that it began with. */
  register(operation: Operation): Undo
  get(number: number): Operation | undefined
  /** Tells of every operation that is registered from now on: its jobs may have waited for it. */
  onRegister(listener: (operation: Operation) => void): Undo
}

export function createOperations(): Operations {
  const operations = new Map<number, Operation>()
  const listeners = new Set<(operation: Operation) => void>()
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
      operations.set(number, operation)
      for (const listener of listeners) listener(operation)
      return () => {
        if (operations.get(number) === operation) operations.delete(number)
      }
    },
    get: (number) => operations.get(number),
    onRegister(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}

function isOwnNumber({ number, plugin }: Operation): boolean {
  if (!Number.isInteger(number)) return false
  return plugin === null ? number >= 1 && number < 200 : number >= 200 && number <= 9999
}

function toOwner({ plugin }: Operation): string {
  return plugin === null ? "the core" : `plugin "${plugin}"`
}
