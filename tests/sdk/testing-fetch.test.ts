import { expect, test } from "bun:test"
import { definePlugin } from "@pagoda/sdk"
import { type TestFetch, testPlugin } from "@pagoda/sdk/testing"

const plugin = definePlugin({
  id: "asks-others",
  name: "Asks others",
  version: "1.0.0",
  permissions: ["net:api.example.org", "net:127.0.0.1", "net:::1"],
  routes: (app) =>
    app.get("/ask", async ({ api, query }) => {
      const response = await api.fetch(String(query.url), { method: "post", body: "hello", headers: { "x-a": "1" } })
      return { status: response.status, kind: response.headers.get("x-kind"), text: await response.text() }
    }),
})

async function ask(url: string, fetch?: TestFetch): Promise<[number, unknown]> {
  await using tested = await testPlugin(plugin, { fetch })
  const response = await tested.request(`/ask?url=${encodeURIComponent(url)}`)
  const { code, ...body } = (await response.json()) as { code?: string }
  return [response.status, code ?? body]
}

const echo: TestFetch = async (request) => {
  const text = [request.method, request.url, request.headers.get("x-a"), await request.text()].join(" ")
  return new Response(text, { status: 202, headers: { "x-kind": "echo" } })
}

test("api.fetch is answered by what the test gives", async () => {
  const text = "POST https://api.example.org/v1?x=1 1 hello"
  expect(await ask("https://api.example.org/v1?x=1", echo)).toEqual([200, { status: 202, kind: "echo", text }])
  expect(await ask("http://[::1]:80/", echo)).toMatchObject([200, { status: 202 }])
  expect(await ask("http://127.0.0.1:8080/", () => new Response(null, { status: 204 }))).toMatchObject([
    200,
    { status: 204, text: "" },
  ])
})

test.each([
  ["https://other.example.org/", 403, "PERMISSION_MISSING"],
  ["http://api.example.org/", 403, "FETCH_REFUSED"],
  ["https://me:secret@api.example.org/", 403, "FETCH_REFUSED"],
  ["/v1", 403, "FETCH_REFUSED"],
  ["file:///etc/passwd", 403, "FETCH_REFUSED"],
])("api.fetch holds the plugin to the host's rules: %s", async (url, status, code) => {
  expect(await ask(url, () => Promise.reject(new Error("was asked")))).toEqual([status, code])
})

test("api.fetch fails as it does in the host, and says what a test has to give", async () => {
  expect(await ask("https://api.example.org/", () => Promise.reject(new Error("no route")))).toEqual([
    502,
    "FETCH_FAILED",
  ])
  expect(await ask("https://api.example.org/")).toEqual([501, "NOT_YET"])
})
