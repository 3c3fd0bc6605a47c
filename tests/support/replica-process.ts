// One of several processes that run jobs of one Postgres, until SIGTERM: bun replica-process.ts <place> <grace in ms>
import { writeSync } from "node:fs"
import { openDatabase } from "../../src/db/database.ts"
import { startTestJobs } from "./jobs.ts"
import { replicaOperations } from "./replica-operations.ts"

const [place = "{}", grace_ms = "1000"] = process.argv.slice(2)
const database = Object.assign(await openDatabase(JSON.parse(place)), { place: JSON.parse(place) })
const say = (line: string) => void writeSync(1, `${line}\n`)
const jobs = await startTestJobs(database, replicaOperations(say, { isDeaf: true }))
say("ready")
process.once("SIGTERM", async () => {
  await jobs.close({ grace_ms: Number(grace_ms) })
  await database.close()
  for (const line of jobs.lines) if (line.includes("Handed back")) say(line)
  say("closed")
  process.exit(0)
})
