import { type PagodaOptions, type RunningPagoda, startPagoda } from "./pagoda.ts"

const password = "correct horse battery staple"

/** A host in a process of its own, with its admin logged in. */
export type TestHost = RunningPagoda & {
  /** Asks as the admin; a body is sent as JSON. */
  ask(path: string, options?: AskOptions): Promise<Answer>
}

export type AskOptions = {
  method?: string
  body?: unknown
  token?: string | null
  headers?: Record<string, string>
}

export type Answer = { status: number; type: string | null; body: any }

export async function startTestHost(options: PagodaOptions, args: string[] = []): Promise<TestHost> {
  const env = { PAGODA_ADMIN_PASSWORD: password, PAGODA_LOG_FORMAT: "json", ...options.env }
  const host = await startPagoda(args, { ...options, env })
  const ask: TestHost["ask"] = async (path, { method, body, token = admin, headers } = {}) => {
    const response = await fetch(host.url + path, {
      method: method ?? (body === undefined ? "GET" : "POST"),
      headers: {
        ...(token && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    })
    const text = await response.text()
    const type = response.headers.get("content-type")
    return { status: response.status, type, body: type?.includes("json") ? JSON.parse(text) : text }
  }
  let admin: string | null = null
  const login = await ask("/api/v2/auth/login", { body: { username: "admin", password } })
  admin = login.body.token
  return { ...host, ask }
}

/** Asks again until `isDone` says so. */
export async function askUntil(
  host: TestHost,
  path: string,
  isDone: (body: any) => boolean,
  patience = 15_000,
): Promise<any> {
  const end = performance.now() + patience
  for (;;) {
    const { body } = await host.ask(path)
    if (isDone(body)) return body
    if (performance.now() > end) throw new Error(`${path} is still ${JSON.stringify(body)}`)
    await Bun.sleep(20)
  }
}
