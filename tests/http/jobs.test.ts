import { expect, test } from "bun:test"
import { type Job, t, type User } from "@pagoda/sdk"
import { type CoreApp, createCore, type HttpContext } from "../../src/http/core.ts"
import { addJobs } from "../../src/http/jobs.ts"
import { createScope } from "../../src/http/scope.ts"
import { startServer } from "../../src/http/server.ts"
import type { Operation, RunContext } from "../../src/jobs/operations.ts"
import { createLog } from "../../src/log.ts"
import { eachDatabase, type OpenTestDatabase } from "../support/database.ts"
import { alice, bob, finish, openTestJobs, root, type TestJobs, toOperation } from "../support/jobs.ts"

const users = new Map([alice, bob, root].map((user) => [`Bearer ${user.username}`, user]))
const log = createLog({ level: "error", format: "json" })

const target = { type: "entry", id: "a", name: "A" }
const untilAborted = ({ signal }: RunContext) =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))

async function serve(open: OpenTestDatabase, operations: Operation[]) {
  const jobs = await openTestJobs(await open(), operations)
  const app = createCore()
  const scope = createScope({ authenticate: (headers) => toPrincipal(headers.get("authorization")), log })
  scope.prepare(app)
  addJobs(app as unknown as CoreApp, { jobs } as unknown as HttpContext)
  scope.seal(app, { contextOf: (user) => ({ user }) })
  const server = startServer({ host: "127.0.0.1", port: 0, core: app, plugins: new Map(), log })
  return {
    jobs,
    get: (path: string, user: User, headers: Record<string, string> = {}, method = "GET") =>
      fetch(`${server.url}${path}`, { method, headers: { authorization: `Bearer ${user.username}`, ...headers } }),
    async [Symbol.asyncDispose]() {
      await jobs[Symbol.asyncDispose]()
      await server.stop()
    },
  }
}

function toPrincipal(authorization: string | null) {
  const user = users.get(authorization ?? "")
  return user ? { user, via: "token" as const } : null
}

/** The lines of an event stream as it arrives, an array an event. */
async function* readEvents(response: Response) {
  let rest = ""
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const parts = (rest + chunk).split("\n\n")
    rest = parts.pop() ?? ""
    for (const part of parts) {
      const fields = Object.fromEntries(part.split("\n").map((line) => line.split(/: (.*)/s, 2)))
      if (fields.data) yield { id: fields.id as string, event: fields.event, job: JSON.parse(fields.data) as Job }
    }
  }
}

async function runToEnd(jobs: TestJobs, operation: number, user: User): Promise<Job> {
  return finish(jobs, (await jobs.create({ operation, target, user })).id)
}

eachDatabase((_dialect, open) => {
  test("GET /jobs and /jobs/:id answer jobs as the contract says", async () => {
    await using host = await serve(open, [
      toOperation({ params: t.Object({ deep: t.Any() }), run: async ({ params }) => params }),
    ])
    const params = { deep: [{ a: null }, "b", 1.5] }
    const { id } = await host.jobs.create({ operation: 1001, params, target, user: alice })
    const job = await finish(host.jobs, id)
    const one = await host.get(`/api/v2/jobs/${id}`, alice)
    expect(one.status).toBe(200)
    expect(await one.json()).toEqual(job)
    expect(job).toMatchObject({ params, target, status: "done" })
    const list = await host.get("/api/v2/jobs/?status=done&operation=1001&plugin=sample&limit=1", alice)
    expect(await list.json()).toEqual({ count: 1, next: null, previous: null, results: [job] })
  })

  test("a list shows own jobs only, unless an administrator asks for everyone's; another's job is 404", async () => {
    await using host = await serve(open, [toOperation({ run: async () => {} })])
    const job = await runToEnd(host.jobs, 1001, alice)
    const count = async (query: string, user: User) =>
      ((await (await host.get(`/api/v2/jobs${query}`, user)).json()) as { count: number }).count
    expect(await count("", bob)).toBe(0)
    expect(await count("?all_users=true", bob)).toBe(0)
    expect(await count("", root)).toBe(0)
    expect(await count("?all_users=true", root)).toBe(1)
    for (const path of ["", "/events"]) expect((await host.get(`/api/v2/jobs/${job.id}${path}`, bob)).status).toBe(404)
    expect((await host.get(`/api/v2/jobs/${job.id}/cancel`, bob, {}, "POST")).status).toBe(404)
  })

  test("what does not fit is 422, an unknown job 404, no credentials 401, each a problem document", async () => {
    await using host = await serve(open, [])
    const status = async (path: string) => {
      const response = await host.get(path, alice)
      expect(response.headers.get("content-type")).toBe("application/problem+json")
      return response.status
    }
    for (const query of [
      "limit=0",
      "limit=1001",
      "offset=-1",
      "offset=99999999999999999999",
      "status=lost",
      "operation=x",
      "plugin=A/B",
      "all_users=1",
    ]) {
      expect(`${query} ${await status(`/api/v2/jobs?${query}`)}`).toBe(`${query} 422`)
    }
    for (const id of ["0", "-1", "x", "1.5", "9007199254740993"]) {
      expect(`${id} ${await status(`/api/v2/jobs/${id}`)}`).toBe(`${id} 422`)
    }
    expect(await status("/api/v2/jobs/9007199254740991")).toBe(404)
    expect((await host.get("/api/v2/jobs/1", { ...alice, username: "nobody" })).status).toBe(401)
  })

  test("POST /jobs/:id/cancel ends a running job as canceled; one that is over or not cancelable is 409", async () => {
    await using host = await serve(open, [
      toOperation({ run: untilAborted }),
      toOperation({ number: 1002, cancelable: false, run: untilAborted }),
    ])
    const { id } = await host.jobs.create({ operation: 1001, user: alice })
    const canceled = await host.get(`/api/v2/jobs/${id}/cancel`, alice, {}, "POST")
    expect(canceled.status).toBe(200)
    expect(await canceled.json()).toMatchObject({ id, status: "canceled" })
    const kept = await host.jobs.create({ operation: 1002, user: alice })
    for (const other of [id, kept.id]) {
      const refused = await host.get(`/api/v2/jobs/${other}/cancel`, alice, {}, "POST")
      expect(refused.status).toBe(409)
      expect(await refused.json()).toMatchObject({ code: "JOB_NOT_CANCELABLE" })
    }
  })

  test("GET /jobs/:id/events streams the states of a job as they come and ends after the last", async () => {
    const gate = Promise.withResolvers<void>()
    const steps = toOperation({
      run: async ({ progress }) => {
        await gate.promise
        for (const percent of [10, 90]) await progress(percent, `line one\nline ${percent}`)
        return "end"
      },
    })
    await using host = await serve(open, [steps])
    const { id } = await host.jobs.create({ operation: 1001, user: alice })
    const response = await host.get(`/api/v2/jobs/${id}/events`, alice)
    expect(response.headers.get("content-type")).toBe("text/event-stream")
    const states: string[] = []
    let last = ""
    for await (const { id, event, job } of readEvents(response)) {
      expect(event).toBe("job")
      states.push(`${job.status} ${job.progress} ${job.message}`)
      last = id
      gate.resolve()
    }
    expect(states.slice(-3)).toEqual([
      "processing 10 line one\nline 10",
      "processing 90 line one\nline 90",
      "done 100 line one\nline 90",
    ])

    expect((await host.get(`/api/v2/jobs/${id}/events`, alice, {}, "HEAD")).status).toBe(200)
    const again = await host.get(`/api/v2/jobs/${id}/events`, alice)
    expect((await Array.fromAsync(readEvents(again))).map(({ job }) => job.status)).toEqual(["done"])
    const resumed = await host.get(`/api/v2/jobs/${id}/events`, alice, { "last-event-id": last })
    expect(resumed.status).toBe(204)
  })

  test("a client that goes away in the middle ends its stream, and the job goes on", async () => {
    const gate = Promise.withResolvers<void>()
    await using host = await serve(open, [toOperation({ run: () => gate.promise })])
    const { id } = await host.jobs.create({ operation: 1001, user: alice })
    const response = await host.get(`/api/v2/jobs/${id}/events`, alice)
    for await (const { job } of readEvents(response)) if (job.status === "processing") break
    gate.resolve()
    expect((await finish(host.jobs, id)).status).toBe("done")
  })
})
