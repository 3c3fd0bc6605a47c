import { afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test"
import { join } from "node:path"
import { type Database, type DatabaseOptions, openDatabase } from "../../src/db/database.ts"
import { createRecords } from "../../src/jobs/records.ts"
import { createRevisions } from "../../src/jobs/revisions.ts"
import { alice, finish, startTestJobs, type TestJobs } from "../support/jobs.ts"
import { createPostgresDatabase, type PostgresDatabase, startPostgres } from "../support/postgres.ts"
import { replicaOperations } from "../support/replica-operations.ts"

const program = join(import.meta.dir, "../support/replica-process.ts")
const clock = join(import.meta.dir, "../support/shifted-clock.ts")
const minutes = 60_000

type Replica = {
  process: Bun.Subprocess
  lines: string[]
  /** Waits until it says so. */
  says(line: string | RegExp, patience?: number): Promise<void>
}

let postgres: PostgresDatabase
let place: DatabaseOptions
let database: Database
let mine: TestJobs
let said: string[]
const replicas: Replica[] = []

async function startReplica({ shift = 0, grace_ms = 1_000 } = {}): Promise<Replica> {
  const child = Bun.spawn([process.execPath, "--preload", clock, program, JSON.stringify(place), String(grace_ms)], {
    stdout: "pipe",
    stderr: "inherit",
    env: { ...process.env, TEST_CLOCK_SHIFT: String(shift) },
  })
  const lines: string[] = []
  void (async () => {
    let rest = ""
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
      const parts = (rest + chunk).split("\n")
      rest = parts.pop() ?? ""
      lines.push(...parts)
    }
  })()
  const replica: Replica = {
    process: child,
    lines,
    async says(line, patience = 10_000) {
      const end = performance.now() + patience
      while (!lines.some((one) => (typeof line === "string" ? one === line : line.test(one)))) {
        if (performance.now() > end) throw new Error(`It did not say ${line}, but: ${lines.join(", ")}`)
        await Bun.sleep(20)
      }
    },
  }
  replicas.push(replica)
  await replica.says("ready")
  return replica
}

/** Here nothing runs but what is created: others are asked to. */
async function startHere(): Promise<void> {
  said = []
  mine = await startTestJobs(
    Object.assign(database, { place }),
    replicaOperations((line) => void said.push(line), { isDeaf: false }),
  )
}

/** Waits until so many of these jobs were begun, here or by one of those: more than one process does at once, so that each has some. */
async function allBegin(word: string, count: number, others: Replica[]): Promise<void> {
  const begun = () => [said, ...others.map(({ lines }) => lines)].flat().filter((line) => line.startsWith(word)).length
  const end = performance.now() + 10_000
  while (begun() < count) {
    if (performance.now() > end) throw new Error(`${begun()} jobs were begun, wanted ${count}`)
    await Bun.sleep(20)
  }
}

const rows = async () => (await createRecords(database, createRevisions(database)).page({}, 1_000, 0)).rows

describe("processes that share a Postgres", () => {
  beforeAll(startPostgres, 60_000)
  beforeEach(async () => {
    postgres = await createPostgresDatabase()
    place = { url: postgres.url, file: "" }
    database = await openDatabase(place)
    await database.migrate()
  })
  afterEach(async () => {
    for (const { process } of replicas.splice(0)) {
      process.kill("SIGKILL")
      await process.exited
    }
    await mine.close({ grace_ms: 0 })
    await database.close()
    await postgres.drop()
  })

  test("a clock that is five minutes off neither takes from others nor keeps anyone waiting", async () => {
    await startHere()
    const long = await mine.create({ operation: 1003, user: alice })
    while (!said.includes(`began ${long.id}`)) await Bun.sleep(10)
    const ahead = await startReplica({ shift: 5 * minutes })
    const behind = await startReplica({ shift: -5 * minutes })
    const made = await Promise.all(
      Array.from({ length: 300 }, (_, at) => mine.create({ operation: at % 30 === 0 ? 1002 : 1001, user: alice })),
    )
    const begun = performance.now()
    for (const { id } of made) expect((await finish(mine, id)).status).toBe("done")
    expect(performance.now() - begun).toBeLessThan(10_000)
    expect((await finish(mine, long.id)).status).toBe("done")
    const all = await rows()
    expect(all.map(({ interruptions }) => interruptions)).toEqual(all.map(() => 0))
    expect(all.map(({ attempts }) => attempts)).toEqual(all.map(({ operation }) => (operation === 1002 ? 2 : 1)))
    for (const { lines } of [ahead, behind, { lines: said }]) {
      expect(lines.filter((line) => line.startsWith("ran")).length).toBeGreaterThan(5)
    }
    // By one clock, whoever wrote them.
    for (const { created_at, started_at, finished_at } of all) {
      expect([created_at, started_at, finished_at].map((time) => Date.parse(time ?? ""))).toEqual(
        [created_at, started_at, finished_at].map((time) => Date.parse(time ?? "")).sort((a, b) => a - b),
      )
    }
  }, 40_000)

  test("what a killed process ran is run by another within 20 seconds, and that alone", async () => {
    const victim = await startReplica()
    const other = await startReplica()
    await startHere()
    await Promise.all(Array.from({ length: 25 }, () => mine.create({ operation: 1003, user: alice })))
    await allBegin("began", 25, [victim, other])
    const its = victim.lines.filter((line) => line.startsWith("began")).map((line) => Number(line.slice(6)))
    victim.process.kill("SIGKILL")
    const killed = performance.now()
    const runs = () => [...other.lines, ...said].filter((line) => line.startsWith("began"))
    while (its.some((id) => !runs().includes(`began ${id}`))) {
      expect(performance.now() - killed).toBeLessThan(20_000)
      await Bun.sleep(50)
    }
    for (const { id } of await rows()) expect((await finish(mine, id)).status).toBe("done")
    for (const { id, interruptions } of await rows()) expect(interruptions).toBe(its.includes(id) ? 1 : 0)
  }, 60_000)

  test("a process that is stopped hands back what does not end in time, another runs it at once, and it says so", async () => {
    const stopped = await startReplica({ grace_ms: 500 })
    await startHere()
    await Promise.all(Array.from({ length: 15 }, () => mine.create({ operation: 1004, user: alice })))
    await allBegin("deaf", 15, [stopped])
    const its = stopped.lines.filter((line) => line.startsWith("deaf")).map((line) => Number(line.slice(5)))
    stopped.process.kill("SIGTERM")
    await stopped.says("closed")
    expect(await stopped.process.exited).toBe(0)
    expect(stopped.lines.join()).toContain(`Handed back ${its.length} jobs that did not end within 500 ms`)
    for (const id of its) {
      const job = await finish(mine, id)
      expect(job).toMatchObject({ status: "done", attempts: 2 })
      expect(Date.parse(job.started_at ?? "") - Date.parse(job.created_at)).toBeLessThan(10_000)
    }
    expect(its.length).toBeGreaterThan(0)
  }, 40_000)

  test("a job is canceled wherever it runs", async () => {
    const other = await startReplica()
    await startHere()
    const made = await Promise.all(Array.from({ length: 15 }, () => mine.create({ operation: 1003, user: alice })))
    await other.says(/^began/)
    const id = Number(other.lines.find((line) => line.startsWith("began"))?.slice(6))
    expect((await mine.cancel(id, alice)).status).toBe("canceled")
    await other.says(`aborted ${id}`, 2_000)
    for (const job of made) if (job.id !== id) await mine.cancel(job.id, alice)
  }, 30_000)
})
