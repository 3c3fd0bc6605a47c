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

const known = () => new Map([alice, bob, root].map((user) => [`Bearer ${user.username}`, user]))
const log = createLog({ level: "error", format: "json" })

const target = { type: "entry", id: "a", name: "A" }
const untilAborted = ({ signal }: RunContext) =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))

async function serve(open: OpenTestDatabase, operations: Operation[]) {
  const users = known()
  const principal = (headers: Headers) => {
    const user = users.get(headers.get("authorization") ?? "")
    return user ? { user, via: "token" as const } : null
  }
  const jobs = await openTestJobs(await open(), operations)
  const app = createCore()
  const scope = createScope({ authenticate: principal, log })
  scope.prepare(app)
  addJobs(app as unknown as CoreApp, { jobs, accounts: { principal } } as unknown as HttpContext)
  scope.seal(app, { contextOf: (user) => ({ user }) })
  const server = startServer({ host: "127.0.0.1", port: 0, core: app, plugins: new Map(), log })
  return {
    jobs,
    /** What a token is worth from now on; `null`: nothing. */
    become(user: User, changed: User | null) {
      if (changed) users.set(`Bearer ${user.username}`, changed)
      else users.delete(`Bearer ${user.username}`)
    },
    get: (path: string, user: User, headers: Record<string, string> = {}, method = "GET") =>
      fetch(`${server.url}${path}`, { method, headers: { authorization: `Bearer ${user.username}`, ...headers } }),
    async [Symbol.asyncDispose]() {
      await jobs[Symbol.asyncDispose]()
      await server.stop()
    },
  }
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
    await finish(host.jobs, (await host.jobs.create({ operation: 1001, params, user: alice })).id)
    const page = await host.get("/api/v2/jobs?limit=1&status=done", alice)
    expect(await page.json()).toMatchObject({ count: 2, next: "/api/v2/jobs?limit=1&status=done&offset=1" })
  })

  test("hidden jobs are listed where they are asked for, by whom they belong to", async () => {
    await using host = await serve(open, [toOperation({ hidden: true, run: async () => {} })])
    await runToEnd(host.jobs, 1001, alice)
    const count = async (query: string, user: User) =>
      ((await (await host.get(`/api/v2/jobs${query}`, user)).json()) as { count: number }).count
    expect(await count("", alice)).toBe(0)
    expect(await count("?hidden=true", alice)).toBe(1)
    expect(await count("?hidden=true&all_users=true", bob)).toBe(0)
    expect(await count("?hidden=true&all_users=true", root)).toBe(1)
  })

  test("POST /jobs/:id/rerun runs a job that has ended again; one that waits or runs is 409, another's 404", async () => {
    const gate = Promise.withResolvers<void>()
    await using host = await serve(open, [toOperation({ run: () => gate.promise })])
    const { id } = await host.jobs.create({ operation: 1001, user: alice })
    const rerun = (user: User) => host.get(`/api/v2/jobs/${id}/rerun`, user, {}, "POST")
    const refused = await rerun(alice)
    expect(refused.status).toBe(409)
    expect(await refused.json()).toMatchObject({ code: "JOB_RUNS" })
    gate.resolve()
    await finish(host.jobs, id)
    expect((await rerun(bob)).status).toBe(404)
    const again = await rerun(alice)
    expect(again.status).toBe(200)
    expect(await again.json()).toMatchObject({ id, status: "preparing", attempts: 1 })
    expect(await finish(host.jobs, id)).toMatchObject({ status: "done", attempts: 2 })
  })

  test("GET /jobs/:id/download answers a file, or nothing to who has it already; three codes where there is none", async () => {
    const text = "ü".repeat(2 * 1024 * 1024)
    await using host = await serve(open, [
      toOperation({ downloadable: true, run: async () => ({ small: true }) }),
      toOperation({
        number: 1002,
        downloadable: true,
        run: async ({ output }) => output({ content_type: "text/csv", file_name: 'Größe "1"/\n.csv' }).write(text),
      }),
      toOperation({ number: 1003, run: async () => "text" }),
      toOperation({ number: 1004, downloadable: true, run: async () => {} }),
      toOperation({ number: 1005, downloadable: true, run: untilAborted }),
    ])
    const download = (id: number, headers = {}, user = alice) => host.get(`/api/v2/jobs/${id}/download`, user, headers)
    const small = await runToEnd(host.jobs, 1001, alice)
    const first = await download(small.id)
    expect(await first.json()).toEqual({ small: true })
    expect(first.headers.get("content-type")).toBe("application/json; charset=utf-8")
    expect(first.headers.get("content-disposition")).toContain(`filename="sample-${small.id}.json"`)
    expect(first.headers.get("x-content-type-options")).toBe("nosniff")
    expect(first.headers.get("content-length")).toBe(String('{"small":true}'.length))
    const etag = first.headers.get("etag") as string
    expect((await download(small.id, { "if-none-match": `"x", ${etag}` })).status).toBe(304)
    expect((await download(small.id, {}, bob)).status).toBe(404)

    const large = await runToEnd(host.jobs, 1002, alice)
    const second = await download(large.id)
    expect(second.headers.get("content-disposition")).toBe(
      `attachment; filename="Gr__e _1___.csv"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%20%221%22__.csv`,
    )
    expect((await second.text()) === text).toBe(true)
    const head = await host.get(`/api/v2/jobs/${large.id}/download`, alice, {}, "HEAD")
    expect(head.headers.get("content-length")).toBe(`${Buffer.byteLength(text)}`)

    const codes = []
    for (const operation of [1003, 1004]) {
      const response = await download((await runToEnd(host.jobs, operation, alice)).id)
      codes.push([response.status, ((await response.json()) as { code: string }).code])
    }
    const running = await download((await host.jobs.create({ operation: 1005, user: alice })).id)
    codes.push([running.status, ((await running.json()) as { code: string }).code])
    expect(codes).toEqual([
      [409, "JOB_NOT_DOWNLOADABLE"],
      [404, "JOB_HAS_NO_RESULT"],
      [409, "JOB_NOT_FINISHED"],
    ])
  })

  test("GET /jobs/:id/logs lists what a job said, a page at a time", async () => {
    await using host = await serve(open, [
      toOperation({
        run: async ({ log }) => {
          for (const message of ["a", "b", "c"]) log("info", message, { message })
        },
      }),
    ])
    const { id } = await runToEnd(host.jobs, 1001, alice)
    const page = (await (await host.get(`/api/v2/jobs/${id}/logs?limit=1&offset=1`, alice)).json()) as any
    expect(page).toEqual({
      count: 3,
      next: `/api/v2/jobs/${id}/logs?limit=1&offset=2`,
      previous: `/api/v2/jobs/${id}/logs?limit=1&offset=0`,
      results: [{ attempt: 1, level: "info", message: "b", fields: { message: "b" }, created_at: expect.any(String) }],
    })
    expect((await host.get(`/api/v2/jobs/${id}/logs`, bob)).status).toBe(404)
  })

  test("GET /jobs/events streams one's own jobs, resumes after Last-Event-ID, and ends with the access", async () => {
    await using host = await serve(open, [toOperation({ run: async () => "end" })])
    const untilDone = async (response: Response, id: number) => {
      const told = []
      for await (const event of readEvents(response)) {
        told.push(event)
        if (event.job.id === id && event.job.status === "done") break
      }
      return told
    }
    const first = await host.get("/api/v2/jobs/events", alice)
    expect(first.headers.get("content-type")).toBe("text/event-stream")
    await runToEnd(host.jobs, 1001, bob)
    const mine = await host.jobs.create({ operation: 1001, user: alice })
    const told = await untilDone(first, mine.id)
    expect(new Set(told.map(({ job }) => job.user.username))).toEqual(new Set(["alice"]))
    const missed = await runToEnd(host.jobs, 1001, alice)
    const resumed = await host.get("/api/v2/jobs/events", alice, { "last-event-id": told.at(-1)?.id as string })
    expect((await untilDone(resumed, missed.id)).map(({ job }) => job.id)).toEqual([missed.id])

    const everyone = await host.get("/api/v2/jobs/events?all_users=true", root)
    const admin = readEvents(everyone)
    const next = admin.next()
    const other = await runToEnd(host.jobs, 1001, bob)
    expect((await next).value?.job.id).toBe(other.id)
    host.become(root, { ...root, is_admin: false })
    await runToEnd(host.jobs, 1001, bob)
    for await (const { job } of admin) expect(job.id).toBe(other.id)
  })

  test("a stream of events ends within seconds once its token is worth nothing, with nothing told in between", async () => {
    const gate = Promise.withResolvers<void>()
    await using host = await serve(open, [toOperation({ run: () => gate.promise })])
    const { id } = await host.jobs.create({ operation: 1001, user: alice })
    const streams = await Promise.all(
      [`/api/v2/jobs/${id}/events`, "/api/v2/jobs/events"].map((path) => host.get(path, alice)),
    )
    const [one, all] = streams.map(readEvents) as [ReturnType<typeof readEvents>, ReturnType<typeof readEvents>]
    while ((await one.next()).value?.job.status !== "processing");
    const rest = Array.fromAsync(all)
    host.become(alice, null)
    gate.resolve()
    await finish(host.jobs, id)
    expect(await Array.fromAsync(one)).toEqual([])
    expect((await rest).map(({ job }) => job.status)).not.toContain("done")
    expect((await host.get("/api/v2/jobs/events", alice)).status).toBe(401)
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
      "hidden=yes",
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

    for (const path of [`/api/v2/jobs/${id}/events`, "/api/v2/jobs/events"]) {
      expect((await host.get(path, alice, {}, "HEAD")).status).toBe(200)
    }
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
