import { Histogram } from "../../metrics/histogram.ts"
import type { Undo } from "../../undo.ts"
import type { EventCall, HookCall, HookCount, RegisteredHook } from "../hooks.ts"

/** A handler with what became of its calls. */
export type Listener = { readonly hook: RegisteredHook; readonly count: HookCount }

export type HookRegistry = {
  add(hook: RegisteredHook): Undo
  /** In order of priority, ties in the order in which they came; for every entity. Not changed by what comes later. */
  on(name: string): readonly Listener[] | undefined
  all(): Listener[]
}

/** Seconds. */
const bounds = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5]

export function createHookRegistry(): HookRegistry {
  const lists = new Map<string, readonly Listener[]>()
  /** Of the first time: one that is replaced keeps its place among ties. */
  const ranks = new Map<string, number>()
  const comesAfter = (one: RegisteredHook, other: RegisteredHook) =>
    one.priority === other.priority
      ? Number(ranks.get(one.plugin)) > Number(ranks.get(other.plugin))
      : one.priority > other.priority
  return {
    add(hook) {
      const { plugin, name, position } = hook
      const count = {
        plugin,
        name,
        position,
        calls: 0,
        failures: 0,
        rejections: 0,
        timeouts: 0,
        times: new Histogram(bounds),
      }
      const listener = { hook, count }
      if (!ranks.has(plugin)) ranks.set(plugin, ranks.size)
      const before = lists.get(name) ?? []
      const index = before.findIndex((other) => comesAfter(other.hook, hook))
      lists.set(name, before.toSpliced(index === -1 ? before.length : index, 0, listener))
      return () => {
        const rest = (lists.get(name) ?? []).filter((other) => other !== listener)
        if (rest.length > 0) lists.set(name, rest)
        else lists.delete(name)
      }
    },
    on: (name) => lists.get(name),
    all: () => [...lists.values()].flat(),
  }
}

export function concerns({ hook }: Listener, entity: string | undefined): boolean {
  return hook.entity === undefined || hook.entity === entity
}

/** The name of the entity that a call is about; one that is about to be made has it in what is to be written. */
export function entityOf(call: HookCall | EventCall): string | undefined {
  if ("entity" in call && call.entity) return call.entity.name
  const name = (call.data as { name?: unknown } | null | undefined)?.name
  return typeof name === "string" ? name : undefined
}
