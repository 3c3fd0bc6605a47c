import { afterAll, beforeAll, describe } from "bun:test"
import { makeFolder, removeFolders, writeFiles } from "./folder.ts"
import { type Answer, type AskOptions, startTestHost, type TestHost } from "./host.ts"
import { runPagoda } from "./pagoda.ts"
import { createPostgresDatabase, type PostgresDatabase } from "./postgres.ts"

/** Asks as somebody; `method` is GET without a body, else POST. */
export type Ask = (path: string, options?: Omit<AskOptions, "token">) => Promise<Answer>

export type Person = { id: string; username: string; ask: Ask }

export type DataHost = {
  /** Once it runs. */
  host(): TestHost
  /** Asks as the admin, below `/api/v2`. */
  ask: Ask
  /** As the admin; throws unless the answer is a success, and gives its body. */
  make(path: string, body: unknown, method?: string): Promise<any>
  person(rights?: { is_admin?: boolean; is_readonly?: boolean }): Promise<Person>
  /** A name that nothing else has. */
  fresh(what: string): string
}

const password = "correct horse battery staple"

/** The same tests on a real host over each database. `plugins`: id → code of its module, with its permissions. */
export function eachDataHost(
  plugins: Record<string, { code: string; permissions: string[] }>,
  define: (data: DataHost) => void,
): void {
  for (const dialect of ["SQLite", "Postgres"]) {
    describe(dialect, () => {
      let host: TestHost | undefined
      let postgres: PostgresDatabase | undefined
      beforeAll(async () => {
        postgres = dialect === "Postgres" ? await createPostgresDatabase() : undefined
        host = await start(plugins, postgres)
      }, 60_000)
      afterAll(async () => {
        await host?.stop()
        await postgres?.drop()
        await removeFolders()
      })
      define(toDataHost(() => host!))
    })
  }
}

async function start(
  plugins: Record<string, { code: string; permissions: string[] }>,
  postgres: PostgresDatabase | undefined,
): Promise<TestHost> {
  const cwd = await makeFolder()
  const env: Record<string, string> = postgres ? { DATABASE_URL: postgres.url } : {}
  const locked: Record<string, object> = {}
  for (const [id, { code, permissions }] of Object.entries(plugins)) {
    await writeFiles(cwd, { [`${id}.ts`]: code })
    locked[id] = { source: `file:${id}.ts`, permissions, isolation: "in-process" }
  }
  await writeFiles(cwd, { "plugins.lock.json": JSON.stringify({ lockfileVersion: 1, plugins: locked }) })
  const { exitCode, stderr } = await runPagoda(["lock", "--yes"], { cwd, env })
  if (exitCode !== 0) throw new Error(stderr)
  return startTestHost({ cwd, env })
}

function toDataHost(host: () => TestHost): DataHost {
  let given = 0
  const ask: Ask = (path, options) => host().ask(`/api/v2${path}`, options)
  const make: DataHost["make"] = async (path, body, method) => {
    const answer = await ask(path, { body, method })
    if (answer.status < 300) return answer.body
    throw new Error(`${method ?? "POST"} ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`)
  }
  const fresh = (what: string) => `${what}-${++given}`
  return {
    host,
    ask,
    make,
    fresh,
    async person(rights = {}) {
      const username = fresh("user")
      const { id } = await make("/users", { username, password, ...rights })
      const { token } = await make("/auth/login", { username, password })
      return { id, username, ask: (path, options) => host().ask(`/api/v2${path}`, { ...options, token }) }
    },
  }
}
