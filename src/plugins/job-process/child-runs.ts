import { PagodaError } from "../../errors.ts"
import { toReturned } from "../../jobs/text.ts"
import type { Calls } from "./child-calls.ts"
import type { Claims } from "./claims.ts"
import { currentRun } from "./current-run.ts"
import type { Handlers } from "./loaded.ts"
import { type Ended, longestResult, type ToHost, type ToProcess } from "./messages.ts"
import { createRemoteProgress } from "./progress.ts"
import { toThrown } from "./thrown.ts"

type Begin = Extract<ToProcess, { type: "run" }>

/** The handlers that run in this process. */
export type Runs = {
  begin(run: Begin, plugin: LoadingPlugin): void
  abort(run: Extract<ToProcess, { type: "abort" }>): void
}

/** A plugin that is loaded, or will be. */
export type LoadingPlugin = { readonly handlers: Promise<Handlers>; isSettled: boolean }

export type RunsContext = { send(message: ToHost): void; calls: Calls; claims: Claims }

export function createRuns({ send, calls, claims }: RunsContext): Runs {
  const running = new Map<number, AbortController>()
  const queue: { message: Begin; plugin: LoadingPlugin }[] = []

  const perform = async ({ run, number, params, user, job }: Begin, plugin: LoadingPlugin, signal: AbortSignal) => {
    const progress = createRemoteProgress((reports) => send({ type: "progress", run, reports }))
    try {
      const handlers = await plugin.handlers
      const handle = handlers.get(number)
      if (!handle) return { missing: true } satisfies Ended
      signal.throwIfAborted()
      const api = handlers.createApi(calls.of({ run }))
      const value = await handle({ params: params as never, user, job, signal, api, progress: progress.progress })
      return { returned: toFitting(job.id, toReturned(value)) } satisfies Ended
    } catch (error) {
      return { thrown: toThrown(error) } satisfies Ended
    } finally {
      progress.close()
    }
  }

  const drop = (run: number) => {
    running.delete(run)
    send({ type: "dropped", run })
  }

  // One a turn: what waits behind a handler that does not let go is not claimed, and the host can take it back.
  const next = () => {
    const first = queue.shift()
    if (!first) return
    if (queue.length > 0) setImmediate(next)
    const { message, plugin } = first
    const { run, slot } = message
    const controller = running.get(run)
    if (!controller || !claims.claim(slot)) return drop(run)
    void currentRun.run(run, perform, message, plugin, controller.signal).then((ended) => {
      running.delete(run)
      send({ type: "end", run, ...ended })
    })
  }

  const enqueue = (message: Begin, plugin: LoadingPlugin) => {
    if (queue.push({ message, plugin }) === 1) setImmediate(next)
  }

  return {
    begin(message, plugin) {
      const { run, slot } = message
      running.set(run, new AbortController())
      if (plugin.isSettled) return enqueue(message, plugin)
      if (!claims.hold(slot)) return drop(run)
      const release = () => {
        claims.release(slot)
        enqueue(message, plugin)
      }
      plugin.handlers.then(release, release)
    },
    abort({ run, name, message }) {
      running.get(run)?.abort(new DOMException(message, name))
    },
  }
}

function toFitting(id: number, returned: ReturnType<typeof toReturned>): typeof returned {
  if ((returned.text?.length ?? 0) <= longestResult) return returned
  const most = `${longestResult / 1024 / 1024} MiB`
  throw new PagodaError("RESULT_TOO_LARGE", `Cannot keep the result of job ${id}: it is larger than ${most}`)
}
