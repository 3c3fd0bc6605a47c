import { join } from "node:path"
import { type PagodaOptions, type RunningPagoda, startPagoda, startPagodaWorker } from "./pagoda.ts"
import { createPostgresDatabase, type PostgresDatabase } from "./postgres.ts"

/** One process of several, or the only one; each start is another process on the same data directory. */
export type Member = {
  readonly kind: "serve" | "worker"
  /** While it runs. */
  running: RunningPagoda | undefined
  start(): Promise<RunningPagoda>
  /** Without a warning. */
  kill(): Promise<void>
}

/** Processes of one installation in a folder with a lockfile: one on SQLite, any number on Postgres. */
export type Cluster = AsyncDisposable & {
  readonly members: Member[]
  readonly postgres: PostgresDatabase | undefined
  /** Any of those that serve now. */
  url(): string | undefined
  /** Asks as the admin; throws where nobody answers, or not with a success. */
  ask(path: string, body?: unknown, method?: string): Promise<any>
}

export type ClusterOptions = { cwd: string; kinds: Member["kind"][]; isPostgres: boolean; env?: Record<string, string> }

const password = "correct horse battery staple"

export async function startCluster({ cwd, kinds, isPostgres, env: more }: ClusterOptions): Promise<Cluster> {
  const postgres = isPostgres ? await createPostgresDatabase() : undefined
  const env = {
    PAGODA_SECRET_KEY: "a key that all of the processes share",
    PAGODA_ADMIN_PASSWORD: password,
    PAGODA_LOG_FORMAT: "json",
    ...(postgres && { DATABASE_URL: postgres.url }),
    ...more,
  }
  const members = kinds.map((kind, at) => toMember(kind, join(cwd, `data-${at}`), { cwd, env }))
  const first = await members[0]?.start()
  const login = await post(`${first?.url}/api/v2/auth/login`, { username: "admin", password })
  const headers = { authorization: `Bearer ${login.token}` }
  await Promise.all(members.slice(1).map((member) => member.start()))
  const url = () => members.find(({ kind, running }) => kind === "serve" && running)?.running?.url
  return {
    members,
    postgres,
    url,
    ask: (path, body, method) =>
      post(`${url()}${path}`, body, headers, method ?? (body === undefined ? "GET" : "POST")),
    async [Symbol.asyncDispose]() {
      await Promise.all(members.map(({ running }) => running?.stop()))
      await postgres?.drop()
    },
  }
}

function toMember(kind: Member["kind"], folder: string, options: PagodaOptions): Member {
  const args = ["--data-dir", folder]
  return {
    kind,
    running: undefined,
    async start() {
      this.running = await (kind === "serve" ? startPagoda(args, options) : startPagodaWorker(args, options))
      return this.running
    },
    async kill() {
      const { running } = this
      this.running = undefined
      await running?.stop("SIGKILL")
    },
  }
}

async function post(url: string, body: unknown, headers: Record<string, string> = {}, method = "POST"): Promise<any> {
  const response = await fetch(url, {
    method,
    headers: { "content-type": "application/json", ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${url} answered ${response.status}: ${text}`)
  return text === "" ? undefined : JSON.parse(text)
}

/** Asks again until it is so. */
export async function until<T>(ask: () => Promise<T | undefined>, patience: number, what: () => string): Promise<T> {
  const end = performance.now() + patience
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (performance.now() > end) throw new Error(what())
    await Bun.sleep(50)
  }
}
