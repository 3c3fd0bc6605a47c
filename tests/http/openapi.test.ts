import { expect, test } from "bun:test"
import { t } from "@pagoda/sdk"
import { Validator } from "@seriousme/openapi-schema-validator"
import { t as elysia } from "elysia"
import helloWorld from "../../plugin-samples/hello-world/plugin.ts"
import { openTestApp, type TestApp } from "../support/app.ts"
import { eachDatabase } from "../support/database.ts"

type Operation = {
  summary: string
  tags: string[]
  operationId: string
  security: object[]
  parameters: { name: string; in: string; required: boolean; description?: string; schema: object }[]
  responses: Record<string, { description?: string; $ref?: string; content?: Record<string, object> }>
  requestBody?: { content: Record<string, object> }
}
type Document = {
  openapi: string
  tags: { name: string }[]
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, object> }
}

async function readDocument(app: TestApp): Promise<Document> {
  const response = await app.request("/swagger/json")
  expect(response.headers.get("content-type")).toBe("application/json")
  return (await response.json()) as Document
}

eachDatabase((dialect, open) => {
  if (dialect !== "sqlite") return

  test("the document of the core and the plugins is valid OpenAPI 3.1 in every schema", async () => {
    await using app = await openTestApp(await open())
    app.add(helloWorld)
    app.add({ id: "odd", name: "Odd", version: "1.0.0", routes: addOddRoutes as never })
    const document = await readDocument(app)
    const { valid, errors } = await new Validator().validate(structuredClone(document))
    expect(errors ?? []).toEqual([])
    expect(valid).toBe(true)
    expect(document.openapi).toBe("3.1.0")
    expect(JSON.stringify(document)).not.toMatch(/"type":"(Date|void|undefined|Uint8Array|File)"/)
    for (const ref of JSON.stringify(document).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      expect(document.components.schemas).toHaveProperty([ref[1] ?? ""])
    }
  })

  test("the examples of the document, sent in this order to an empty host, are taken", async () => {
    await using app = await openTestApp(await open())
    const { token } = await app.login("root", true)
    const { paths } = await readDocument(app)
    const posts = ["users", "groups", "roles", "entities", "entities/{id}/entries", "entries/{id}/copy"]
    const jobs = ["entities/{id}/export", "entities/{id}/import"]
    const puts = ["entities/{id}/acl", "attributes/{id}/acl", "entries/{id}/acl"]
    const patches = ["entries/{id}", "groups/{id}", "roles/{id}", "entities/{id}"]
    const calls = [posts, jobs, puts, patches].flatMap((list, at) =>
      list.map((path) => ({ path: `/api/v2/${path}`, method: ["post", "post", "put", "patch"][at] as string })),
    )
    for (const { path, method } of calls) {
      for (const [type, { schema }] of Object.entries(paths[path]?.[method]?.requestBody?.content ?? {}) as any) {
        const [example] = schema.examples ?? []
        expect([method, path, example]).toEqual([method, path, expect.anything()])
        const body = type === "application/json" ? JSON.stringify(example) : example
        const headers = { authorization: `Bearer ${token}`, "content-type": type }
        const response = await app.request(path.replace("{id}", "1"), { method: method.toUpperCase(), headers, body })
        expect([method, path, response.status < 300 ? "" : await response.text()]).toEqual([method, path, ""])
      }
    }
  })

  test("every operation has a summary, a tag, an id of its own, a security scheme and described answers", async () => {
    await using app = await openTestApp(await open())
    app.add(helloWorld)
    app.add({ id: "odd", name: "Odd", version: "1.0.0", routes: addOddRoutes as never })
    const { paths, tags } = await readDocument(app)
    const operations = Object.values(paths).flatMap((item) => Object.values(item))
    const ids = operations.map(({ operationId }) => operationId)
    expect(new Set(ids).size).toBe(ids.length)
    for (const operation of operations) {
      expect(operation.summary).toBeString()
      expect(operation.tags.length).toBeGreaterThan(0)
      for (const tag of operation.tags) expect(tags).toContainEqual({ name: tag })
      expect(operation.security).toBeArray()
      expect(operation.responses).toHaveProperty("default")
      for (const { description, $ref } of Object.values(operation.responses))
        expect(description ?? $ref).toMatch(/^(?!Response for status)/)
      const media = Object.values(operation.requestBody?.content ?? {}).map((one) => JSON.stringify(one))
      expect(new Set(media).size).toBe(media.length)
    }
  })

  test("routes that are open say so, and a plugin's are tagged with its id", async () => {
    await using app = await openTestApp(await open())
    app.add({ id: "odd", name: "Odd", version: "1.0.0", routes: addOddRoutes as never })
    const { paths } = await readDocument(app)
    expect(paths["/health/live"]?.get?.security).toEqual([])
    expect(paths["/api/v2/auth/login"]?.post?.security).toEqual([])
    expect(paths["/api/v2/me"]?.get?.security).toEqual([{ token: [] }, { session: [] }])
    expect(paths["/api/v2/plugins/odd/open/{id}"]?.get).toMatchObject({
      security: [],
      tags: ["odd"],
      summary: "Open it",
    })
    expect(paths["/api/v2/plugins/odd/file"]?.post?.requestBody?.content).toHaveProperty(["multipart/form-data"])
    expect(paths["/api/v2/plugins/odd/model"]?.post?.requestBody?.content).toHaveProperty(["application/json"])
    expect(Object.keys(paths).some((path) => path.startsWith("/swagger"))).toBe(false)
  })

  test("fields are described whatever their names are, those of JSON Schema's own keywords too", async () => {
    await using app = await openTestApp(await open())
    const { paths } = await readDocument(app)
    const answer = paths["/api/v2/jobs/{id}"]?.get?.responses["200"] as { content: Record<string, { schema: object }> }
    expect(answer.content["application/json"]?.schema).toHaveProperty("properties.error.type", ["string", "null"])

    const names = { error: t.String(), default: t.Union([t.Date(), t.Null()]), $id: t.Integer(), properties: t.Null() }
    app.add({
      id: "odd",
      name: "Odd",
      version: "1.0.0",
      routes: (odd) => odd.post("/", () => 1, { body: t.Object(names) }),
    })
    const { content } = (await readDocument(app)).paths["/api/v2/plugins/odd/"]!.post!.requestBody!
    expect(content["application/json"]).toMatchObject({
      schema: {
        required: ["error", "default", "$id", "properties"],
        properties: {
          error: { type: "string" },
          default: { type: ["string", "null"], format: "date-time" },
          $id: { type: "integer" },
          properties: { type: "null" },
        },
      },
    })
  })

  test("what may be left out says so, choices keep their descriptions, and a body is one schema", async () => {
    await using app = await openTestApp(await open())
    const { paths } = await readDocument(app)
    const { parameters } = paths["/api/v2/entities"]!.get!
    expect(parameters.filter(({ required }) => required)).toEqual([])
    const isActive = parameters.find(({ name }) => name === "is_active")
    expect(isActive).toMatchObject({ description: expect.any(String), schema: { enum: ["true", "false", "all"] } })
    // Swagger UI shows no description of a parameter's schema
    expect(isActive?.schema).not.toHaveProperty("description")
    expect(paths["/api/v2/entities"]!.post!.requestBody!.content["application/json"]).toMatchObject({
      schema: { type: "object", required: ["name"] },
    })
  })

  test("every body and answer of the data has a schema with an example, and every parameter a description", async () => {
    await using app = await openTestApp(await open())
    const { paths } = await readDocument(app)
    const missing: string[] = []
    for (const [path, item] of Object.entries(paths)) {
      if (!/\/(entities|attributes|entries|search|users|groups|roles|admin)\b/.test(path) || path.includes("plugins"))
        continue
      for (const [method, { requestBody, responses, parameters = [] }] of Object.entries(item)) {
        const contents = [requestBody, ...Object.values(responses)].flatMap((one) => Object.values(one?.content ?? {}))
        if (!contents.every((one) => JSON.stringify(one).includes('"examples":')))
          missing.push(`${method} ${path}: example`)
        for (const { name, description, in: place } of parameters) {
          if (place !== "path" && !description) missing.push(`${method} ${path}: description of ${name}`)
        }
      }
    }
    expect(missing).toEqual([])
  })

  test("a plugin that comes or goes changes it at once", async () => {
    await using app = await openTestApp(await open())
    const hasIt = async () => (await readDocument(app)).tags.some(({ name }) => name === "hello-world-plugin")
    expect(await hasIt()).toBe(false)
    app.add(helloWorld)
    expect(await hasIt()).toBe(true)
    app.apps.delete("hello-world-plugin")
    expect(await hasIt()).toBe(false)
  })
})

const addOddRoutes = (app: import("elysia").Elysia) =>
  app
    .model({ "My Sheet": t.Object({ name: t.String() }) })
    .get("/open/:id", ({ params }) => params, { auth: false, detail: { summary: "Open it", tags: ["mine"] } } as never)
    .post("/model", ({ body }) => body, { body: "My Sheet" })
    .post("/file", () => 1, { body: elysia.Object({ file: elysia.File() }) })
    .get("/date", () => new Date(), {
      query: elysia.Object({ at: elysia.Date(), n: elysia.Numeric() }),
      response: elysia.Date(),
    })
    .get("/void", () => undefined, { response: { 204: t.Void(), 200: t.Union([t.String(), t.Null()]) } })
    .all("/any", () => "any")
    .get("/rest/*", () => "rest")
    .get("/data.json", () => "data")
    .get("/maybe/:a?", () => "maybe")
    .ws("/socket", {})
    .post("/text", ({ body }) => body, { body: t.String() })
