import { createHooks } from "../../src/core/hooks/dispatch.ts"
import type { Hooks, RegisteredHook } from "../../src/core/hooks.ts"
import type { Database } from "../../src/db/database.ts"
import { createLog } from "../../src/log.ts"
import { alice } from "./jobs.ts"

/** Hooks of a database, and what they log. Close them before the database. */
export function openTestHooks(database: Database): { hooks: Hooks; lines: string[] } {
  const lines: string[] = []
  const log = createLog({ level: "debug", format: "json", write: (line) => void lines.push(line) })
  const users = { get: async (id: string) => (id === alice.id ? alice : null) }
  return { hooks: createHooks({ database, users, log }), lines }
}

/** A handler of the plugin `p`, with the contract's defaults. */
export function toTestHook(
  name: RegisteredHook["name"],
  run: RegisteredHook["run"],
  options: Partial<RegisteredHook> = {},
): RegisteredHook {
  return {
    plugin: "p",
    position: 0,
    name,
    priority: 100,
    durable: false,
    timeout_ms: 5_000,
    on_error: "skip",
    run,
    ...options,
  }
}

/** Waits until it is so. */
export async function until(isSo: () => boolean | Promise<boolean>, patience = 15_000): Promise<void> {
  const end = performance.now() + patience
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`It is still not so: ${isSo}`)
    await Bun.sleep(5)
  }
}
