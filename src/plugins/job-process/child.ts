import { PagodaError } from "../../errors.ts"
import { installHostModules } from "../host-modules.ts"
import { createCalls } from "./child-calls.ts"
import { createRuns, type LoadingPlugin, type Runs } from "./child-runs.ts"
import { openClaims } from "./claims.ts"
import { currentRun } from "./current-run.ts"
import { loadHandlers } from "./loaded.ts"
import type { ToHost, ToProcess } from "./messages.ts"
import { createRemoteLog } from "./remote-log.ts"
import { toThrown } from "./thrown.ts"

export type JobProcessOptions = {
  /** Keeps what handlers do late from ending the process, and tells whose it was. */
  contain(log: ReturnType<typeof createRemoteLog>, onFailure: (plugin: string, error: unknown) => void): void
}

/**
 * The other side: runs handlers of jobs, and nothing else. It does nothing before the host says so, reaches the database
 * only by asking the host, and ends with the channel.
 */
export async function runJobProcess({ contain }: JobProcessOptions): Promise<number> {
  const channel = takeChannel()
  const { send } = channel
  const over = Promise.withResolvers<number>()
  const plugins = new Map<number, LoadingPlugin>()
  const calls = createCalls(send)
  let runs: Runs | undefined

  const load = ({ plugin, bundle, database }: Extract<ToProcess, { type: "load" }>) => {
    const loading = { handlers: loadHandlers({ bundle, database, log, ask: calls.of({ plugin }) }), isSettled: false }
    plugins.set(plugin, loading)
    const settle = (isLoaded: boolean) => () => {
      loading.isSettled = true
      send({ type: "loaded", plugin, isLoaded })
    }
    // who waits for one that failed gets the error; the next job tries again
    loading.handlers.then(settle(true), settle(false))
  }

  /** One that is loading asks for them itself; whether it has done so yet nobody knows. */
  const tellSettings = ({ plugin, settings }: Extract<ToProcess, { type: "settings" }>) => {
    plugins.get(plugin)?.handlers.then(
      ({ onSettings }) => onSettings(settings),
      () => {},
    )
  }

  const stop = async () => {
    send({ type: "stopping" })
    const loaded = await Promise.allSettled([...plugins.values()].map(({ handlers }) => handlers))
    const disposed = await Promise.allSettled(
      loaded.map(async (handlers) => handlers.status === "fulfilled" && handlers.value.dispose()),
    )
    for (const { reason } of disposed.filter((each) => each.status === "rejected")) {
      log.error("A plugin did not leave its job process cleanly", { error: toThrown(reason).message })
    }
    over.resolve(0)
  }

  const log = createRemoteLog(send, () => currentRun.getStore())
  channel.receive((message) => {
    switch (message.type) {
      case "begin":
        runs = createRuns({ send, calls, claims: openClaims(message.claims) })
        ignoreSignals()
        contain(log, (id, error) => send({ type: "late", id, thrown: toThrown(error) }))
        installHostModules(log)
        return send({ type: "ready" })
      case "load":
        return load(message)
      case "run":
        return runs?.begin(message, plugins.get(message.plugin) as LoadingPlugin)
      case "abort":
        return runs?.abort(message)
      case "reply":
        return calls.settle(message)
      case "settings":
        return tellSettings(message)
      case "ping":
        return send({ type: "pong" })
      case "stop":
        return void stop()
    }
  })
  channel.onClose(() => over.resolve(0))
  return over.promise
}

/** A terminal and a service manager send theirs to every process: the host alone decides what that means for jobs. */
function ignoreSignals(): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {})
}

/** Taken away from the process, so that no plugin speaks in its name by mistake. */
function takeChannel() {
  const { send } = process
  if (!send || !process.connected) {
    throw new PagodaError("USAGE", 'Cannot run "pagoda job-process": only "pagoda serve" and "pagoda worker" start one')
  }
  const bound = send.bind(process)
  for (const name of ["send", "disconnect", "channel"]) Reflect.deleteProperty(process, name)
  return {
    send(message: ToHost): void {
      bound(message)
    },
    receive(listener: (message: ToProcess) => void): void {
      process.on("message", (message) => listener(message as ToProcess))
    },
    onClose(listener: () => void): void {
      process.on("disconnect", listener)
    },
  }
}
