import { cpSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import { $ } from "bun"
import postgres from "postgres"
import { createPostgresDatabase } from "../tests/support/postgres.ts"
import { attributes, entityCount, toAttrs, toName } from "./data-rows.ts"
import { seedEntries } from "./data-seed.ts"
import { answersPerSecond, toGet, toPost } from "./http-load.ts"
import { type Started, startProgram } from "./program.ts"
import { atLeast, atMost, median, type Row } from "./report.ts"

export type DataBench = { folder: string; pagoda: string[]; bare: string[]; rounds: number }

const small = 10_000
const large = 100_000
const load = { connections: 16, seconds: 1 }
const quiet = { PAGODA_LOG_LEVEL: "error" }

type Requests = { [what in "create" | "read" | "list" | "search"]: (number: number) => string }
type Side = Started & { requests: Partial<Requests> }

/** Creating, reading, listing and searching among many entries, beside the same rows with nothing around them. */
export async function benchData(options: DataBench, dialect: "sqlite" | "postgres"): Promise<Row[]> {
  const { folder, rounds } = options
  const cwd = join(folder, `data-${dialect}`)
  mkdirSync(cwd)
  const databases = dialect === "postgres" ? [await createPostgresDatabase(), await createPostgresDatabase()] : []
  const [ourUrl, bareUrl] = databases.map(({ url }) => url)
  const ours = await prepareOurs(options, cwd, ourUrl)
  const theirs = await startBare(options, cwd, bareUrl)

  const few = await ours.fill(0, small)
  const atFew = await measure(few, rounds)
  await few.stop()
  const many = await ours.fill(small, large)
  await seedBare(theirs, 0, large)
  await settle(bareUrl)
  await measure(theirs, 1)
  const bare: Measured[] = []
  const full: Measured[] = []
  for (let round = 0; round < rounds; round++) {
    bare.push(await measure(theirs, 1))
    full.push(await measure(many, 1))
  }
  await Promise.all([many.stop(), theirs.stop()])
  for (const { drop } of databases) await drop()

  const mid = (all: Measured[], what: keyof Requests) => median(all.map((one) => one[what] ?? 0))
  const ratio = (what: keyof Requests, limit: number) => {
    const [one, other] = [mid(bare, what), mid(full, what)]
    return atLeast(`${dialect}: ${what}`, `${other.toFixed(0)}/s, bare ${one.toFixed(0)}/s`, other / one, limit)
  }
  const growth = (what: keyof Requests) => {
    const [one, other] = [atFew[what] ?? 0, mid(full, what)]
    const text = `${other.toFixed(0)}/s with ${large}, ${one.toFixed(0)}/s with ${small}`
    return { ...atMost(`${dialect}: growth of ${what}`, text, one / other, 2), beside: "as slow" }
  }
  return [
    ratio("create", 0.25),
    ratio("read", 0.5),
    ratio("list", 0.4),
    ...(["create", "read", "list", "search"] as const).map(growth),
  ]
}

type Measured = { [what in keyof Requests]?: number }

/** Kinds of request take turns, so that what else the machine does meets them alike. */
async function measure({ url, requests }: Side, rounds: number): Promise<Measured> {
  const all: [what: string, values: number[]][] = Object.keys(requests).map((what) => [what, []])
  for (let round = 0; round < rounds; round++) {
    for (const [what, values] of all) {
      const request = requests[what as keyof Requests]
      if (request) values.push(await answersPerSecond(url, { ...load, request }))
    }
  }
  return Object.fromEntries(all.map(([what, values]) => [what, median(values)]))
}

async function prepareOurs({ pagoda }: DataBench, cwd: string, databaseUrl: string | undefined) {
  const plugin = join(cwd, "plugin")
  cpSync(join(import.meta.dir, "data-plugin"), plugin, { recursive: true })
  const env = { ...quiet, HOME: cwd, ...(databaseUrl && { DATABASE_URL: databaseUrl }) }
  const run = $.cwd(cwd).env({ ...env, PATH: "/usr/bin:/bin" })
  await run`${pagoda} plugin add ${plugin} --yes`.quiet()
  await run`${pagoda} user create bench --admin`.quiet()
  const { token } = await run`${pagoda} token create bench --json`.quiet().json()
  const headers = { authorization: `Bearer ${token}` }
  const start = () => startProgram([...pagoda, "serve"], { cwd, env, path: "/api/v2/me", headers })

  const first = await start()
  const entityIds: number[] = []
  for (let entity = 0; entity < entityCount; entity++) {
    const body = JSON.stringify({ name: `Server ${entity}`, attrs: attributes })
    const type = { "content-type": "application/json" }
    const made = await fetch(`${first.url}/api/v2/entities`, { method: "POST", body, headers: { ...headers, ...type } })
    if (made.status !== 201) throw new Error(`An entity was answered with ${made.status}: ${await made.text()}`)
    entityIds.push(((await made.json()) as { id: number }).id)
  }
  await first.stop()

  return {
    /** The host has to be down for it. */
    async fill(from: number, to: number): Promise<Side> {
      await seedEntries({ url: databaseUrl, file: join(cwd, ".pagoda", "pagoda.db") }, entityIds, from, to)
      await settle(databaseUrl)
      return { ...(await start()), requests: ourRequests(entityIds, to, `Authorization: Bearer ${token}\r\n`) }
    },
  }
}

let made = 10_000_000

function ourRequests(entityIds: number[], count: number, headers: string): Requests {
  const entity = (number: number) => entityIds[number % entityCount]
  return {
    create: () => {
      const number = made++
      const body = { name: toName(number), attrs: toAttrs(number) }
      return toPost(`/api/v2/entities/${entity(number)}/entries`, body, headers)
    },
    read: (number) => toGet(`/api/v2/entries/${1 + ((number * 7919) % count)}`, headers),
    list: (number) => {
      const query = `filter[rack]=rack-${number % 10}&ordering=-memory&limit=30`
      return toGet(`/api/v2/entities/${entity(number)}/entries?${query}`, headers)
    },
    search: (number) => toGet(`/api/v2/search?q=${toName((number * 7919) % count)}`, headers),
  }
}

async function startBare({ bare }: DataBench, cwd: string, databaseUrl: string | undefined): Promise<Side> {
  const env: Record<string, string> = databaseUrl
    ? { DATABASE_URL: databaseUrl }
    : { DATABASE_FILE: join(cwd, "bare.db") }
  const started = await startProgram(bare, { cwd, env, path: "/entries?entity=0" })
  const requests: Partial<Requests> = {
    create: () => {
      const number = made++
      return toPost("/entries", { entity_id: number % entityCount, name: toName(number), attrs: toAttrs(number) })
    },
    read: (number) => toGet(`/entries/${1 + ((number * 7919) % large)}`),
    list: (number) => toGet(`/entries?entity=${number % entityCount}&rack=rack-${number % 10}`),
  }
  return { ...started, requests }
}

/** What the server does by itself some minutes after so many rows came. */
async function settle(databaseUrl: string | undefined): Promise<void> {
  if (databaseUrl === undefined) return
  const client = postgres(databaseUrl, { max: 1 })
  await client.unsafe("vacuum analyze")
  await client.end()
}

async function seedBare({ url }: Side, from: number, to: number): Promise<void> {
  const body = JSON.stringify({ from, to })
  const answer = await fetch(`${url}/seed`, { method: "POST", body, headers: { "content-type": "application/json" } })
  if (answer.status !== 200) throw new Error(`Seeding was answered with ${answer.status}: ${await answer.text()}`)
}
