import { join } from "node:path"
import { createHooks } from "../src/core/hooks/dispatch.ts"
import type { HookCall, RegisteredHook } from "../src/core/hooks.ts"
import { openDatabase } from "../src/db/database.ts"
import { createLog } from "../src/log.ts"
import { atMost, median, type Row } from "./report.ts"

const calls = 20_000
const user = { id: "u", username: "u", email: null, is_admin: true, is_readonly: false, is_active: true }
const call: HookCall = { user, entity: { id: 1, name: "Server" } }

/** What calling handlers costs beside the calls themselves. */
export async function benchHooks(folder: string): Promise<Row[]> {
  // no handler is durable, so that the database is only there to be given
  const database = await openDatabase({ file: join(folder, "hooks.db") })
  const log = createLog({ level: "error", format: "json", write: () => {} })
  const hooks = createHooks({ database, users: { get: async () => user }, log })
  let ran = 0
  const handler = async () => {
    ran++
  }
  for (let position = 0; position < 10; position++) hooks.register({ ...registered, position, run: handler })
  const dispatch = () => hooks.after("entry.after_create", call)
  const loop = async () => {
    for (let at = 0; at < 10; at++) await handler()
  }
  const nobody = async () => {
    for (let at = 0; at < 10; at++) if (hooks.has("entry.after_update", "Server")) ran++
  }
  const nothing = async () => {
    for (let at = 0; at < 10; at++) if (ran < 0) ran++
  }
  const times = { dispatch: [] as number[], loop: [] as number[], nobody: [] as number[], nothing: [] as number[] }
  for (let round = 0; round < 9; round++) {
    times.loop.push(await time(loop))
    times.dispatch.push(await time(dispatch))
    times.nothing.push(await time(nothing))
    times.nobody.push(await time(nobody))
  }
  await hooks.close()
  await database.close()
  const [one, other] = [median(times.loop), median(times.dispatch)]
  // ten looks at a hook that nobody listens to, beside what the smallest request takes
  const idle = (median(times.nobody) - median(times.nothing)) / 10
  const text = `${other.toFixed(2)} µs, a loop ${one.toFixed(2)} µs`
  return [
    atMost("a hook with ten handlers, beside ten async calls", text, other / one, 2),
    {
      what: "a hook that nobody listens to",
      value: `${(idle * 1000).toFixed(0)} ns`,
      target: "≤ 100 ns",
      isMet: idle <= 0.1,
    },
  ]
}

const registered: Omit<RegisteredHook, "position" | "run"> = {
  plugin: "bench",
  name: "entry.after_create",
  priority: 100,
  durable: false,
  timeout_ms: 5000,
  on_error: "skip",
}

/** Microseconds a call. */
async function time(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  for (let at = 0; at < calls; at++) await work()
  return ((performance.now() - began) * 1000) / calls
}
