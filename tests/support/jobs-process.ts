// A process that works on jobs until it is killed or all have ended: bun jobs-process.ts <place> <jobs to create>
import { writeSync } from "node:fs"
import { openDatabase } from "../../src/db/database.ts"
import type { RunContext } from "../../src/jobs/operations.ts"
import { alice, finish, startTestJobs, toOperation } from "./jobs.ts"

const [place = "{}", amount = "0"] = process.argv.slice(2)
const database = Object.assign(await openDatabase(JSON.parse(place)), { place: JSON.parse(place) })

// What this process itself created never ends in it: whoever kills it kills it in mid-work.
const run = async ({ job, progress }: RunContext) => {
  await progress(50, "halfway")
  say("started", job.id)
  if (Number(amount) > 0) await new Promise(() => {})
  return `try ${job.attempts}`
}

const jobs = await startTestJobs(database, [
  toOperation({ run }),
  toOperation({ number: 1002, parallelizable: false, run }),
])
const target = { type: "entry", id: 1, name: "one" }
for (let job = 0; job < Number(amount); job++) {
  const created = await jobs.create({ operation: 1001 + (job % 2), target, user: alice })
  say("created", created.id)
}
const { results } = await jobs.list(alice, { limit: 1000, offset: 0 })
await Promise.all(results.map(({ id }) => finish(jobs, id)))
say("ended", results.length)
await jobs.close({ grace_ms: 1_000 })
await database.close()

function say(word: string, id: number): void {
  writeSync(1, `${word} ${id}\n`)
}
