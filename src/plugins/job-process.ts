import { toMessage } from "../errors.ts"
import { InterruptedError } from "../jobs/interruption.ts"
import type { Log } from "../log.ts"
import type { Undo } from "../undo.ts"
import { type Limits, standardLimits } from "./job-process/limits.ts"
import { createOwnOperations } from "./job-process/own-operations.ts"
import { JobProcess } from "./job-process/process.ts"
import type { Program } from "./job-process/spawn.ts"
import type { JobPlugin, PluginEntry, Task, Work } from "./job-process/task.ts"
import type { Settings } from "./settings.ts"

/**
 * Runs plugins' jobs in processes of their own, so that one which burns a core never slows an answer, and one which kills
 * its process does not end the host. The first process is started for the first job.
 */
export type JobProcesses = {
  add(plugin: JobPlugin): PluginJobs
  /** Ends every process; what still runs in them is interrupted. */
  close(): Promise<void>
}

/** The jobs of one version of one plugin. */
export type PluginJobs = {
  /** Runs the handler of an operation; `here` does it where no job process has that handler. */
  work(number: number): Work
  /** Calls its `onSettings` where it is loaded. */
  tellSettings(settings: Settings): void
  /** What runs ends with the code that it began with; what comes later finds none of its module state. */
  leave(): void
}

export type JobProcessesOptions = {
  program: Program
  log: Log
  limits?: Partial<Limits>
  /** Told of what a plugin's code left behind in one of them. */
  onLate(plugin: string, error: unknown): void
}

export function createJobProcesses({ program, log, limits: given, onLate }: JobProcessesOptions): JobProcesses {
  const limits = { ...standardLimits, ...given }
  const processes = new Set<JobProcess>()
  const waiting = new Map<Task, Undo>()
  let lastPlugin = 0

  const start = (): JobProcess | undefined => {
    // one that is retired ends by itself, and stands in nobody's way
    if ([...processes].filter(({ isRetired }) => !isRetired).length >= limits.processes) return
    const started = new JobProcess({
      program,
      limits,
      log,
      onFree: next,
      onReturn: (tasks) => tasks.forEach(begin),
      onRegister: own.register,
      onLate,
      onEnd(ended) {
        processes.delete(ended)
        own.forget(ended)
        next()
      },
    })
    processes.add(started)
    return started
  }

  const begin = (task: Task) => {
    if (!place(task)) wait(task)
  }

  /** `false`: there is no process for it now. */
  const place = (task: Task): boolean => {
    const { among, outcome } = task
    try {
      if (among?.size === 0) throw new InterruptedError("The job process that had its handler has ended")
      const [free] = [...(among ?? processes)].filter(({ isOpen }) => isOpen).sort((a, b) => a.runs - b.runs)
      const chosen = free ?? (among ? undefined : start())
      return chosen?.begin(task) ?? false
    } catch (cause) {
      const message = `Cannot start a job process: ${toMessage(cause)}`
      outcome.reject(cause instanceof InterruptedError ? cause : new InterruptedError(message, { cause }))
      return true
    }
  }

  const wait = (task: Task) => {
    const { signal } = task.context
    const giveUp = () => {
      waiting.delete(task)
      task.outcome.reject(signal.reason)
    }
    waiting.set(task, () => signal.removeEventListener("abort", giveUp))
    signal.addEventListener("abort", giveUp)
  }

  const next = () => {
    let isFull = false
    for (const [task, undo] of waiting) {
      if (isFull && !task.among) continue
      if (place(task)) {
        waiting.delete(task)
        undo()
      } else isFull ||= !task.among
    }
  }

  const toWork = (plugin: PluginEntry, number: number, among?: ReadonlySet<JobProcess>): Work => {
    return async (job) => {
      job.context.signal.throwIfAborted()
      const outcome = Promise.withResolvers<unknown>()
      begin({ ...job, plugin, number, among, actors: new Map(), outcome })
      return outcome.promise
    }
  }

  const own = createOwnOperations(toWork)

  return {
    add(plugin) {
      const entry: PluginEntry = { ...plugin, key: ++lastPlugin, actors: new Map(), hasLeft: false }
      return {
        work: (number) => toWork(entry, number),
        tellSettings(settings) {
          for (const process of processes) process.tellSettings(entry, settings)
        },
        leave() {
          entry.hasLeft = true
          own.leave(entry)
          for (const process of processes) if (process.has(entry)) process.retire()
        },
      }
    },
    async close() {
      await Promise.all([...processes].map((process) => process.stop()))
    },
  }
}
