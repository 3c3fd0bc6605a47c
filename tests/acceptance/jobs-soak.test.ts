import { afterAll, expect, test } from "bun:test"
import { join } from "node:path"
import { type Cluster, startCluster, until } from "../support/cluster.ts"
import { diaryCode, findOverlaps, readDiary } from "../support/diary.ts"
import { removeFolders } from "../support/folder.ts"
import { makePluginFolder } from "../support/plugin-host.ts"

afterAll(removeFolders)

const wanted = 5_000
const targets = 25
const atOnce = 20
const chaos_ms = Number(process.env.PAGODA_SOAK_SECONDS ?? 30) * 1_000

const fields = `
  jobs: {
    1001: { name: "FREE", parallelizable: true, run: async ({ job }) => begin(job)("begin") },
    1002: {
      name: "SERIAL",
      run: async ({ job }) => {
        const note = begin(job)
        for (const word of ["begin", "goes-on", "end"]) {
          note(word)
          await pause(2)
        }
      },
    },
  },
  routes: (app) => app.post("/make", ({ api, body }) => Promise.all(body.targets.map(async (id) => {
    const target = id === null ? undefined : { type: "thing", id, name: "a thing" }
    return (await api.jobs.create({ operation: id === null ? 1001 : 1002, target })).id
  }))),`

/** Makes jobs until so many are accepted, whoever answers; those of a request that broke may be there or not. */
async function makeJobs(cluster: Cluster, accepted: Set<number>): Promise<void> {
  for (let asked = 0; accepted.size < wanted; asked++) {
    const list = Array.from({ length: atOnce }, (_, at) => (at % 2 === 0 ? null : (asked * atOnce + at) % targets))
    try {
      for (const id of await cluster.ask("/api/v2/plugins/soak/make", { targets: list })) accepted.add(id)
    } catch {
      await Bun.sleep(20)
    }
    const due = (accepted.size / wanted) * chaos_ms
    await Bun.sleep(Math.max(0, due - (performance.now() - begun)))
  }
}

let begun = 0

test.each([["SQLite"], ["Postgres"]])(
  "on %s every job ends though a process is killed each second, and no target has two at once",
  async (name) => {
    const isPostgres = name === "Postgres"
    const diary = join(await makePluginFolder({}), "diary.txt")
    const cwd = await makePluginFolder({
      soak: { permissions: ["jobs:create", "import:node:fs"], body: diaryCode(diary), fields },
    })
    const kinds = isPostgres ? (["serve", "serve", "worker"] as const) : (["serve"] as const)
    await using cluster = await startCluster({ cwd, kinds: [...kinds], isPostgres })

    begun = performance.now()
    const accepted = new Set<number>()
    const making = makeJobs(cluster, accepted)
    let kills = 0
    while (performance.now() - begun < chaos_ms) {
      await Bun.sleep(1_000)
      const victim = cluster.members[Math.floor(Math.random() * cluster.members.length)]
      await victim?.kill()
      await victim?.start()
      kills++
    }
    await making
    const calm = performance.now()

    const left = async () => {
      const [waiting, running] = await Promise.all(
        ["preparing", "processing"].map((status) => cluster.ask(`/api/v2/jobs?limit=1&status=${status}`)),
      )
      return waiting.count + running.count
    }
    await until(
      async () => ((await left()) === 0 ? true : undefined),
      60_000,
      () => "there are still jobs that have not ended",
    )
    const { count } = await cluster.ask("/api/v2/jobs?limit=1")
    const done = await cluster.ask("/api/v2/jobs?limit=1&status=done")
    const lines = await readDiary(diary)
    const runs = lines.filter(({ word }) => word === "begin")
    console.log(
      `${name}: ${accepted.size} jobs accepted, ${count} there, ${kills} kills, ${runs.length} runs of handlers, all ended ${((performance.now() - calm) / 1_000).toFixed(1)} s after the last kill`,
    )
    expect(done.count).toBe(count)
    expect(count).toBeGreaterThanOrEqual(accepted.size)
    const ran = new Set(runs.map(({ job }) => job))
    expect([...accepted].filter((id) => !ran.has(id))).toEqual([])
    expect(findOverlaps(lines)).toEqual([])
  },
  240_000,
)
