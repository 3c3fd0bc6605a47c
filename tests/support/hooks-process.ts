// A process that writes something with a durable hook and is killed, or delivers what others left:
// bun hooks-process.ts <place> after-commit|in-delivery|deliver
import { writeSync } from "node:fs"
import type { HookCall } from "../../src/core/hooks.ts"
import { openDatabase } from "../../src/db/database.ts"
import { openTestHooks, toTestHook, until } from "./hooks.ts"
import { alice } from "./jobs.ts"

const [place = "{}", when = ""] = process.argv.slice(2)
const database = await openDatabase(JSON.parse(place))
const { hooks } = openTestHooks(database)
const { hook_delivery } = database.tables

const die = () => process.kill(process.pid, "SIGKILL")
const run = (call: unknown) => {
  const { name } = (call as { entry: { name: string } }).entry
  if (when !== "deliver" && when === name) die()
  if (when === "deliver") writeSync(1, `told ${name}\n`)
  // what another process left is not this one's to deliver
  else throw new Error("not me")
}
hooks.register(toTestHook("entry.after_create", run, { durable: true, timeout_ms: 200 }))

if (when === "deliver") {
  await hooks.start()
  await until(async () => (await database.db.select().from(hook_delivery)).length === 0, 20_000)
  await hooks.close()
  await database.close()
} else {
  const call: HookCall = { user: alice, entity: { id: 1, name: "Server" }, entry: { name: when } as never }
  await database.transaction((handle) => hooks.enqueue(handle, "entry.after_create", call))
  if (when === "after-commit") die()
  await hooks.start()
  await hooks.after("entry.after_create", call)
  await new Promise(() => {})
}
