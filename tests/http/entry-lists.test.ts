import { describe, expect, test } from "bun:test"
import { parseFilterQuery } from "../../src/http/filter-query.ts"
import { openTestApp } from "../support/app.ts"
import { eachDatabase } from "../support/database.ts"
import { openSeed } from "../support/entry-seed.ts"
import { readProblem } from "../support/problem.ts"

describe("parseFilterQuery()", () => {
  const parse = (query: string) => parseFilterQuery(`http://localhost/api/v2/entries?${query}`)

  test("reads names, operators and lists, the brackets encoded or not", () => {
    expect(parse("limit=1")).toBe(undefined)
    expect(parse("filter[cpu]=4")).toEqual({ cpu: { eq: "4" } })
    expect(parse("filter%5Bcpu%5D%5Bgte%5D=4&filter[cpu][lt]=8")).toEqual({ cpu: { gte: "4", lt: "8" } })
    expect(parse("filter[rack]=a&filter[rack]=b")).toEqual({ rack: { eq: ["a", "b"] } })
    expect(parse("filter[rack][in][]=a&filter[rack][in][]=b")).toEqual({ rack: { in: ["a", "b"] } })
    expect(parse("filter[a%20b]=x%26y")).toEqual({ "a b": { eq: "x&y" } })
    expect(parse("filter[a[0]]=1&filter[a][0]][eq]=2")).toEqual({ "a[0]": { eq: "1" }, "a][0]": { eq: "2" } })
    expect(Object.keys(parse("filter[__proto__]=1") ?? {})).toEqual(["__proto__"])
  })

  test("refuses what is not complete, with its key", () => {
    for (const key of ["filter", "filter[cpu", "filter[", "filter[cpu]x"]) {
      expect(() => parse(`${key}=1`)).toThrow(
        expect.objectContaining({ issues: [expect.objectContaining({ path: key })] }),
      )
    }
  })
})

eachDatabase((_, open) => {
  async function openServers() {
    const database = await open()
    const app = await openTestApp(database)
    const seed = openSeed(database)
    const server = await seed.entity("Server", {
      cpu: "number",
      host: "string",
      hidden: { type: "string", is_public: false },
    })
    await seed.entries(
      server,
      Array.from({ length: 45 }, (_, index) => ({
        name: `web${10 + index}`,
        attrs: { cpu: index % 5, host: `h ${index}`, hidden: "x" },
      })),
    )
    await seed.entries(server, [{ name: "gone", is_active: false }])
    await seed.entries(await seed.entity("Closed", {}, { is_public: false }), [{ name: "closed" }])
    const { headers } = await app.login("ann")
    const ask = (path: string, as: Record<string, string> = headers) => app.request(path, { headers: as })
    return { app, server, ask, [Symbol.asyncDispose]: () => app[Symbol.asyncDispose]() }
  }

  test("the entries of an entity come in pages, filtered and ordered", async () => {
    await using servers = await openServers()
    const { ask, server } = servers
    const response = await ask(
      `/api/v2/entities/${server}/entries?filter[cpu][gte]=1&filter[cpu]=1&filter[cpu]=2&ordering=-cpu,-name&limit=10&offset=4`,
    )
    expect(response.status).toBe(200)
    const body = (await response.json()) as any
    expect(body.count).toBe(18)
    expect(body.results).toHaveLength(10)
    expect(body.results[0]).toMatchObject({
      name: "web32",
      attrs: { cpu: 2, host: "h 22" },
      entity: { id: server, name: "Server" },
    })
    expect(body.results[0].attrs).not.toHaveProperty("hidden")
    expect(body.previous).toContain("offset=0")
    const next = (await (await ask(body.next)).json()) as any
    expect(next.results).toHaveLength(4)
    expect(next.next).toBe(null)
    const first = (await (await ask(`/api/v2/entities/${server}/entries`)).json()) as any
    expect([first.count, first.results.length]).toEqual([45, 30])
  })

  test("all entries are listed by the entity's id or name, and only what one may read", async () => {
    await using servers = await openServers()
    const { ask, server, app } = servers
    const count = async (query: string, headers?: Record<string, string>) =>
      ((await (await ask(`/api/v2/entries?${query}`, headers)).json()) as any).count
    expect(await count("entity=Server")).toBe(45)
    expect(await count(`entity=${server}`)).toBe(45)
    expect(await count("")).toBe(45)
    expect(await count("is_active=false")).toBe(1)
    expect(await count("is_active=all")).toBe(46)
    expect(await count("search=WEB1")).toBe(10)
    expect(await count("", (await app.login("boss", true)).headers)).toBe(46)
    expect((await readProblem(await ask("/api/v2/entries?entity=Closed"))).code).toBe("NOT_FOUND")
    expect((await readProblem(await ask("/api/v2/entries?entity=Nothing"))).status).toBe(404)
    expect((await ask("/api/v2/entries", {})).status).toBe(401)
  })

  test("what does not fit is 422 with its path", async () => {
    await using servers = await openServers()
    const { ask, server } = servers
    const cases: [query: string, path: string][] = [
      [`entity=${server}&filter[cpu][gte]=many`, "filter.cpu.gte"],
      [`entity=${server}&filter[nope]=1`, "filter.nope"],
      [`entity=${server}&filter[hidden]=x`, "filter.hidden"],
      ["filter[cpu]=1", "filter.cpu"],
      ["filter[cpu=1", "filter[cpu"],
      ["ordering=cpu", "ordering"],
      ["is_active=maybe", "is_active"],
      ["limit=0", "limit"],
      ["offset=x", "offset"],
    ]
    for (const [query, path] of cases) {
      const problem = await readProblem(await ask(`/api/v2/entries?${query}`))
      expect([query, problem.status, problem.errors?.map((error) => error.path)]).toEqual([query, 422, [path]])
    }
    expect((await ask("/api/v2/entities/999/entries")).status).toBe(404)
  })
})
