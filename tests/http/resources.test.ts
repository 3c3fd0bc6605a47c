import { expect, test } from "bun:test"
import { openTestApp, password } from "../support/app.ts"
import { eachDatabase } from "../support/database.ts"
import { readProblem } from "../support/problem.ts"

const json = { "content-type": "application/json" }
const post = (body: unknown, headers: Record<string, string> = {}) => ({
  method: "POST",
  body: JSON.stringify(body),
  headers: { ...json, ...headers },
})
const sample = { id: "sample", name: "Sample", version: "1.0.0" }

eachDatabase((_, open) => {
  test("GET /health/live answers without credentials", async () => {
    await using app = await openTestApp(await open())
    expect(await (await app.request("/health/live")).json()).toEqual({ live: true })
    expect((await app.request("/health/live/")).status).toBe(200)
  })

  test("GET /health/ready is 503 until the plugins are settled, and for a failed one only where it is required", async () => {
    await using app = await openTestApp(await open())
    app.add(sample)
    app.settled = false
    expect((await app.request("/health/ready")).status).toBe(503)
    app.settled = true
    expect((await app.request("/health/ready")).status).toBe(200)
    const record = app.records.get("sample")
    if (!record) throw new Error("there is no record")
    record.state = "failed"
    record.error = {
      step: "verify",
      code: "INTEGRITY_MISMATCH",
      message: "/secret/path",
      at: "2026-01-01T00:00:00.000Z",
    }
    const failed = [{ id: "sample", step: "verify", code: "INTEGRITY_MISMATCH", required: false }]
    const ready = await app.request("/health/ready")
    expect([ready.status, await ready.json()]).toEqual([200, { ready: true, settled: true, failed }])
    record.required = true
    const broken = await app.request("/health/ready")
    expect(broken.status).toBe(503)
    expect(await broken.text()).not.toContain("/secret/path")
  })

  test("POST /api/v2/auth/login gives a token and a cookie that are good for /api/v2/me", async () => {
    await using app = await openTestApp(await open())
    await app.accounts.createUser({ username: "alice", password })
    const response = await app.request("/api/v2/auth/login", post({ username: "alice", password }))
    expect(response.status).toBe(200)
    const { token, user } = (await response.json()) as { token: string; user: object }
    expect(user).toMatchObject({ username: "alice", email: null, is_admin: false, is_readonly: false, is_active: true })
    const cookie = response.headers.get("set-cookie") ?? ""
    expect(cookie).toMatch(/^pagoda_session=\S+; Path=\/; HttpOnly; SameSite=Lax; Max-Age=\d+$/)
    const ways: Record<string, string>[] = [
      { authorization: `Bearer ${token}` },
      { authorization: `Token ${token}` },
      { cookie: cookie.split(";")[0] ?? "" },
    ]
    for (const headers of ways) {
      expect(await (await app.request("/api/v2/me", { headers })).json()).toEqual(user)
      expect(await (await app.request("/api/v2/me/", { headers })).json()).toEqual(user)
    }
    const proxied = await app.request(
      "/api/v2/auth/login",
      post({ username: "alice", password }, { "x-forwarded-proto": "https" }),
    )
    expect(proxied.headers.get("set-cookie")).toEndWith("; Secure")
  })

  test("wrong credentials are 401, and the eleventh time within a minute 429", async () => {
    await using app = await openTestApp(await open())
    await app.accounts.createUser({ username: "alice", password })
    for (let attempt = 0; attempt < 10; attempt++) {
      const response = await app.request("/api/v2/auth/login", post({ username: "alice", password: "wrong" }))
      expect(await readProblem(response)).toMatchObject({ status: 401, code: "CREDENTIALS_INVALID" })
    }
    const response = await app.request("/api/v2/auth/login", post({ username: "alice", password }))
    expect(await readProblem(response)).toMatchObject({ status: 429, code: "TOO_MANY_ATTEMPTS" })
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0)
    expect(JSON.stringify(app.lines)).not.toContain(password)
  })

  test("a login that does not fit names every problem", async () => {
    await using app = await openTestApp(await open())
    const problem = await readProblem(await app.request("/api/v2/auth/login", post({ username: 1 })))
    expect(problem).toMatchObject({ status: 422, code: "VALIDATION_FAILED" })
    expect(problem.errors?.map(({ path }) => path).sort()).toEqual(["password", "username"])
    const form = {
      method: "POST",
      body: "username=a",
      headers: { "content-type": "application/x-www-form-urlencoded" },
    }
    expect(await readProblem(await app.request("/api/v2/auth/login", form))).toMatchObject({ status: 415 })
    expect(await readProblem(await app.request("/api/v2/auth/login", { ...post(0), body: "{" }))).toMatchObject({
      status: 400,
    })
  })

  test("a field that nobody knows is refused with its path, and nothing is made", async () => {
    await using app = await openTestApp(await open())
    const { headers } = await app.login("alice")
    const bodies = [
      ["/api/v2/auth/login", { username: "alice", password, remember: true }],
      ["/api/v2/tokens", { name: "ci", remember: true }],
    ] as const
    for (const [path, body] of bodies) {
      const problem = await readProblem(await app.request(path, post(body, headers)))
      expect(problem).toMatchObject({ status: 422, errors: [{ path: "remember", code: "FIELD_UNKNOWN" }] })
    }
    expect(await (await app.request("/api/v2/tokens", { headers })).json()).toMatchObject({ count: 0 })
  })

  test("POST /api/v2/auth/logout ends the session at once", async () => {
    await using app = await openTestApp(await open())
    const { headers } = await app.login("alice")
    expect((await app.request("/api/v2/me", { headers })).status).toBe(200)
    const response = await app.request("/api/v2/auth/logout", { method: "POST", headers })
    expect([response.status, await response.text()]).toEqual([204, ""])
    expect((await app.request("/api/v2/me", { headers })).status).toBe(401)
  })

  test("tokens are made, shown once, listed, used and revoked by their owner", async () => {
    await using app = await openTestApp(await open())
    const alice = await app.login("alice")
    const bob = await app.login("bob")
    const made = await app.request("/api/v2/tokens", post({ name: "ci" }, alice.headers))
    expect(made.status).toBe(201)
    const { id, token } = (await made.json()) as { id: string; token: string }
    const bearer = { authorization: `Bearer ${token}` }
    expect((await app.request("/api/v2/me", { headers: bearer })).status).toBe(200)
    const list = await (await app.request("/api/v2/tokens", { headers: alice.headers })).text()
    expect(list).not.toContain(token)
    expect(JSON.parse(list)).toMatchObject({ count: 1, next: null, previous: null, results: [{ id, name: "ci" }] })
    expect(await (await app.request("/api/v2/tokens", { headers: bob.headers })).json()).toMatchObject({ count: 0 })
    const remove = (headers: Record<string, string>) =>
      app.request(`/api/v2/tokens/${id}`, { method: "DELETE", headers })
    expect(await readProblem(await remove(bob.headers))).toMatchObject({ status: 404 })
    expect((await remove(alice.headers)).status).toBe(204)
    expect((await app.request("/api/v2/me", { headers: bearer })).status).toBe(401)
    expect(await readProblem(await remove(alice.headers))).toMatchObject({ status: 404 })
    const bad = await app.request("/api/v2/tokens", post({ name: "" }, alice.headers))
    expect(await readProblem(bad)).toMatchObject({ status: 422, errors: [{ path: "name" }] })
  })

  test("GET /api/v2/plugins lists page by page, and shows sources, errors and settings to admins alone", async () => {
    await using app = await openTestApp(await open())
    for (const id of ["a", "b", "c"])
      app.add({ ...sample, id, routes: (plugin) => plugin.get("/x", "x", { auth: false }) })
    const failure = {
      step: "verify",
      code: "INTEGRITY_MISMATCH",
      message: "differs",
      at: "2026-01-01T00:00:00.000Z",
    } as const
    Object.assign(app.records.get("c") ?? {}, {
      state: "failed",
      error: failure,
      settings_schema: { type: "object", properties: {} },
    })
    const alice = await app.login("alice")
    const root = await app.login("root", true)
    const get = async (path: string, headers: Record<string, string>) => (await app.request(path, { headers })).json()
    const second = (await get("/api/v2/plugins?limit=1&offset=1", alice.headers)) as { results: object[] }
    expect(second).toMatchObject({
      count: 3,
      next: "/api/v2/plugins?limit=1&offset=2",
      previous: "/api/v2/plugins?limit=1&offset=0",
      results: [{ id: "b", state: "active", routes: [{ method: "GET", path: "/api/v2/plugins/b/x", auth: false }] }],
    })
    for (const hidden of ["source", "error", "settings_schema", "required"])
      expect(second.results[0]).not.toHaveProperty(hidden)
    const seen = await get("/api/v2/plugins/c", root.headers)
    expect(seen).toMatchObject({
      id: "c",
      source: "file:plugin",
      error: failure,
      settings_schema: { type: "object", properties: {} },
    })
    expect(seen).not.toHaveProperty("required")
    expect(await get("/api/v2/plugins/c/", alice.headers)).not.toHaveProperty("error")
    expect(await readProblem(await app.request("/api/v2/plugins/none", { headers: root.headers }))).toMatchObject({
      status: 404,
    })
    for (const query of ["limit=0", "limit=1001", "limit=x", "offset=-1", "offset=1e400"]) {
      const problem = await readProblem(await app.request(`/api/v2/plugins?${query}`, { headers: root.headers }))
      expect(problem).toMatchObject({ status: 422, errors: [{ path: query.split("=")[0] }] })
    }
    expect((await app.request("/api/v2/plugins")).status).toBe(401)
  })

  test("only an admin enables and disables plugins", async () => {
    await using app = await openTestApp(await open())
    app.add(sample)
    const alice = await app.login("alice")
    const root = await app.login("root", true)
    const put = (verb: string, { headers }: { headers: Record<string, string> }, id = "sample") =>
      app.request(`/api/v2/admin/plugins/${id}/${verb}`, { method: "POST", headers })
    expect(await readProblem(await put("disable", alice))).toMatchObject({ status: 403, code: "FORBIDDEN" })
    expect(await (await put("disable", root)).json()).toMatchObject({ id: "sample", state: "disabled" })
    expect(await (await put("enable", root)).json()).toMatchObject({ id: "sample", state: "active" })
    expect(await readProblem(await put("enable", root, "none"))).toMatchObject({ status: 404 })
  })
})
