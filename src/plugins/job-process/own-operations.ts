import type { JobDefinition } from "@pagoda/sdk"
import type { Undo } from "../../undo.ts"
import type { Call } from "./messages.ts"
import type { JobProcess } from "./process.ts"
import { unpackDefinition } from "./schemas.ts"
import type { PluginEntry, Work } from "./task.ts"

type Own = { readonly plugin: PluginEntry; readonly processes: Set<JobProcess>; undo: Undo }

/** Operations that a handler registered in a job process: only the processes that did so can run them. */
export type OwnOperations = {
  register(process: JobProcess, plugin: PluginEntry, args: Call["args"]): void
  /** Jobs of what only that process had wait from now on. */
  forget(process: JobProcess): void
  leave(plugin: PluginEntry): void
}

export type ToWork = (plugin: PluginEntry, number: number, among: ReadonlySet<JobProcess>) => Work

export function createOwnOperations(toWork: ToWork): OwnOperations {
  const all = new Map<number, Own>()
  return {
    register(process, plugin, [given, packed]) {
      const number = Number(given)
      let own = all.get(number)
      if (own?.plugin !== plugin) {
        const processes = new Set<JobProcess>()
        const definition = unpackDefinition(packed) as Omit<JobDefinition, "run">
        const undo = plugin.register(number, definition, toWork(plugin, number, processes))
        // the host has it too, and asks any process
        if (!undo) return
        own = { plugin, processes, undo }
        all.set(number, own)
      }
      if (!own.processes.has(process)) process.kept++
      own.processes.add(process)
    },
    forget(process) {
      for (const [number, { processes, undo }] of all) {
        processes.delete(process)
        if (processes.size > 0) continue
        undo()
        all.delete(number)
      }
    },
    leave(plugin) {
      for (const [number, own] of all) {
        if (own.plugin !== plugin) continue
        own.undo()
        all.delete(number)
      }
    },
  }
}
