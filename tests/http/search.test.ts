import { expect, test } from "bun:test"
import { openTestApp } from "../support/app.ts"
import { eachDatabase } from "../support/database.ts"
import { openSeed } from "../support/entry-seed.ts"
import { readProblem } from "../support/problem.ts"

eachDatabase((_, open) => {
  test("search answers a page of entries, by name and value, only readable ones", async () => {
    const database = await open()
    await using app = await openTestApp(database)
    const seed = openSeed(database)
    const server = await seed.entity("Server", { note: "text", hidden: { type: "text", is_public: false } })
    await seed.entries(server, [
      { name: "a", attrs: { note: "rack in Tokyo" } },
      { name: "b", attrs: { hidden: "tokyo" } },
      { name: "z-tokyo", attrs: { hidden: "x" } },
      { name: "c-tokyo", is_public: false },
    ])
    const { headers } = await app.login("ann")
    const response = await app.request("/api/v2/search?q=TOKYO&limit=1", { headers })
    expect(response.status).toBe(200)
    const body = (await response.json()) as any
    expect(body).toMatchObject({ count: 2, previous: null, results: [{ name: "z-tokyo", entity: { id: server } }] })
    expect(body.results[0].attrs).toEqual({ note: null })
    const next = (await (await app.request(body.next, { headers })).json()) as any
    expect(next.results.map(({ name }: { name: string }) => name)).toEqual(["a"])
  })

  test("search without credentials is 401, without a text 422", async () => {
    await using app = await openTestApp(await open())
    expect((await app.request("/api/v2/search?q=x")).status).toBe(401)
    const { headers } = await app.login("ann")
    for (const query of ["", "?q=", `?q=${"x".repeat(1001)}`, "?q=x&limit=5000"]) {
      const problem = await readProblem(await app.request(`/api/v2/search${query}`, { headers }))
      expect([problem.status, problem.code]).toEqual([422, "VALIDATION_FAILED"])
    }
  })
})
