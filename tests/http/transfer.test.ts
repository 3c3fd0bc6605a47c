import { expect, test } from "bun:test"
import type { Job, User } from "@pagoda/sdk"
import { openTestApp } from "../support/app.ts"
import { eachDatabase, type OpenTestDatabase } from "../support/database.ts"
import { readProblem } from "../support/problem.ts"

type Ask = (path: string, init?: RequestInit) => Promise<Response>

async function openServers(open: OpenTestDatabase) {
  const app = await openTestApp(await open())
  const person = async (name: string, isAdmin = false): Promise<{ user: User; ask: Ask }> => {
    const { user, headers } = await app.login(name, isAdmin)
    return {
      user,
      ask: (path, init) => app.request(`/api/v2${path}`, { ...init, headers: { ...headers, ...init?.headers } }),
    }
  }
  const root = await person("root", true)
  const made = await root.ask("/entities", {
    method: "POST",
    body: JSON.stringify({
      name: "Server",
      attrs: [
        { name: "cpu", type: "number" },
        { name: "note", type: "text" },
      ],
    }),
  })
  const entity = (await made.json()) as { id: number; attrs: { id: number }[] }
  return {
    app,
    person,
    root: root.ask,
    entity,
    path: `/entities/${entity.id}`,
    [Symbol.asyncDispose]: () => app[Symbol.asyncDispose](),
  }
}

const send = (body: string | Uint8Array, type: string | null = "text/csv"): RequestInit => ({
  method: "POST",
  body: body as string,
  headers: type === null ? {} : { "content-type": type },
})
const wanted = (format: unknown): RequestInit => ({ method: "POST", body: JSON.stringify({ format }) })

/** The job once it has ended. */
async function finish(ask: Ask, started: Response): Promise<Job> {
  expect(started.status).toBe(202)
  const { id } = (await started.json()) as Job
  const end = performance.now() + 20_000
  for (;;) {
    const job = (await (await ask(`/jobs/${id}`)).json()) as Job
    if (!["preparing", "processing"].includes(job.status)) return job
    if (performance.now() > end) throw new Error(`job ${id} is still ${job.status}`)
    await Bun.sleep(5)
  }
}

eachDatabase((dialect, open) => {
  test("a file is imported, exported and imported again over HTTP, each as a job", async () => {
    await using servers = await openServers(open)
    const { root, path, entity } = servers
    const job = await finish(root, await root(`${path}/import`, send("name,cpu,note\nweb01,8,=1+1\nweb02,16,\n")))
    expect(job).toMatchObject({
      operation: 11,
      operation_name: "IMPORT_ENTRIES",
      plugin: null,
      target: { type: "entity", id: entity.id, name: "Server" },
      status: "done",
      progress: 100,
      downloadable: true,
    })
    expect(JSON.parse(job.text!)).toEqual({ created: 2, updated: 0, unchanged: 0, failed: 0, errors: [] })

    for (const format of ["csv", "json"]) {
      const exported = await finish(root, await root(`${path}/export`, wanted(format)))
      expect(exported).toMatchObject({ operation_name: "EXPORT_ENTRIES", status: "done", text: '{"entries":2}' })
      const download = await root(`/jobs/${exported.id}/download`)
      expect(download.status).toBe(200)
      expect(download.headers.get("content-type")).toStartWith(format === "csv" ? "text/csv" : "application/json")
      expect(download.headers.get("content-disposition")).toContain(`Server.${format}`)
      const file = await download.bytes()
      expect(new TextDecoder("utf-8", { ignoreBOM: true }).decode(file)).toStartWith(
        format === "csv" ? "\uFEFFid," : "[",
      )
      const type = format === "csv" ? "Text/CSV; charset=UTF-8" : "application/json"
      const again = await finish(root, await root(`${path}/import`, send(file, type)))
      expect(JSON.parse(again.text!)).toMatchObject({ created: 0, unchanged: 2, failed: 0 })
    }
  })

  test("an import of which some rows fail ends as a warning with a report, one of which all fail as an error", async () => {
    await using servers = await openServers(open)
    const { root, path } = servers
    const some = await finish(root, await root(`${path}/import`, send("name,cpu\nweb01,many\nweb02,1\n")))
    expect(some.status).toBe("warning")
    const download = await root(`/jobs/${some.id}/download`)
    expect(download.headers.get("content-type")).toStartWith("application/json")
    expect(await download.json()).toMatchObject({
      created: 1,
      failed: 1,
      errors: [{ row: 1, path: "attrs.cpu", code: "NUMBER" }],
    })
    const none = await finish(root, await root(`${path}/import`, send("[]{}", "application/json")))
    expect(none).toMatchObject({ status: "error", error: expect.stringContaining("more behind the end") })
  })

  test("an import that is canceled says what it has done, and goes on from there when it is run again", async () => {
    await using servers = await openServers(open)
    const { root, path, entity } = servers
    const rows = Array.from({ length: 1_500 }, (_, at) => `web${at},${at}`)
    const started = await root(`${path}/import`, send(`name,cpu\n${rows.join("\n")}\n`))
    const { id } = (await started.clone().json()) as Job
    const countOf = async () => {
      const found = await root(`/entries?entity=${entity.id}&limit=1`)
      return ((await found.json()) as { count: number }).count
    }
    while ((await countOf()) === 0) await Bun.sleep(1)
    const canceled = (await (await root(`/jobs/${id}/cancel`, { method: "POST" })).json()) as Job
    const told = Number(/^(\d+) rows: \1 created, 0 updated, 0 unchanged, 0 failed$/.exec(canceled.message)?.[1])
    expect(canceled.status).toBe("canceled")
    expect(told).toBeWithin(1, 1_500)

    expect((await root(`/jobs/${id}/rerun`, { method: "POST" })).ok).toBe(true)
    const over = await finish(root, started)
    expect(JSON.parse(over.text!)).toEqual({ created: 1_500, updated: 0, unchanged: 0, failed: 0, errors: [] })
    expect(await countOf()).toBe(1_500)
  }, 60_000)

  test("one who may only read exports what he may read, and imports nothing", async () => {
    await using servers = await openServers(open)
    const { root, path, entity, person } = servers
    await finish(root, await root(`${path}/import`, send("name,cpu,note\nweb01,8,x\n")))
    const { ask } = await person("alice")
    const close = { is_public: false, default_permission: "nothing", roles: [] }
    const put = (path: string, body: object) => root(`${path}/acl`, { method: "PUT", body: JSON.stringify(body) })
    await put(`/attributes/${entity.attrs[1]!.id}`, close)
    await put(path, { ...close, default_permission: "readable" })

    const job = await finish(ask, await ask(`${path}/export`, wanted("json")))
    expect(await (await ask(`/jobs/${job.id}/download`)).json()).toMatchObject([{ name: "web01", attrs: { cpu: 8 } }])
    expect(await readProblem(await ask(`${path}/import`, send("name\na")))).toMatchObject({
      status: 403,
      code: "FORBIDDEN",
    })

    await put(path, close)
    for (const request of [ask(`${path}/export`, wanted("csv")), ask(`${path}/import`, send("name\na"))]) {
      expect(await readProblem(await request)).toMatchObject({ status: 404, code: "NOT_FOUND" })
    }
  })

  test("what cannot be a file of entries is refused at once", async () => {
    await using servers = await openServers(open)
    const { root, path, app } = servers
    const problemOf = async (answer: Promise<Response>) => {
      const { status, code } = await readProblem(await answer)
      return [status, code]
    }
    expect(await problemOf(root(`${path}/export`, wanted("xml")))).toEqual([422, "VALIDATION_FAILED"])
    expect(await problemOf(root("/entities/99/export", wanted("csv")))).toEqual([404, "NOT_FOUND"])
    expect(await problemOf(root("/entities/99/import", send("name")))).toEqual([404, "NOT_FOUND"])
    for (const type of ["application/xml", "text/csv; charset=utf-16", "text/plain"]) {
      expect(await problemOf(root(`${path}/import`, send("name", type)))).toEqual([415, "MEDIA_TYPE_UNSUPPORTED"])
    }
    expect(await problemOf(root(`${path}/import`, send("")))).toEqual([422, "VALIDATION_FAILED"])
    expect(await problemOf(root(`${path}/import`, send(new Uint8Array([0xff, 0xfe]))))).toEqual([
      422,
      "VALIDATION_FAILED",
    ])
    const told = {
      ...send("name"),
      headers: { "content-type": "text/csv", "content-length": String(101 * 1024 * 1024) },
    }
    expect(await problemOf(root(`${path}/import`, told))).toEqual([413, "BODY_TOO_LARGE"])
    expect(await problemOf(app.request(`/api/v2${path}/import`, send("name")))).toEqual([401, "UNAUTHENTICATED"])
    expect(((await (await root("/jobs")).json()) as { count: number }).count).toBe(0)
  })

  // a hundred megabytes take a while, and the databases have no say in it
  test.if(dialect === "sqlite")(
    "a file that turns out too long while it comes is refused, and nothing of it is kept",
    async () => {
      await using servers = await openServers(open)
      const { root, path } = servers
      const piece = new TextEncoder().encode("a".repeat(1024 * 1024))
      let sent = 0
      const body = new ReadableStream({
        pull(controller) {
          if (sent++ > 101) controller.close()
          else controller.enqueue(piece)
        },
      })
      const answer = root(`${path}/import`, { method: "POST", body, headers: { "content-type": "text/csv" } })
      expect(await readProblem(await answer)).toMatchObject({ status: 413, code: "BODY_TOO_LARGE" })
      expect(sent).toBeLessThan(105)
    },
    30_000,
  )

  test("both media types of a file are in the OpenAPI document", async () => {
    await using servers = await openServers(open)
    const { paths } = (await (await servers.app.request("/swagger/json")).json()) as any
    const { requestBody, responses } = paths["/api/v2/entities/{id}/import"].post
    expect(Object.keys(requestBody.content)).toEqual(["application/json", "text/csv"])
    expect(responses["202"].content["application/json"].schema.properties).toHaveProperty("operation")
  })
})
