import { describe, expect, test } from "bun:test"
import { readRange } from "../../src/plugins/range.ts"
import { createStatic } from "../../src/plugins/static.ts"
import { problemOf } from "../support/refusal.ts"

const bytes = (text: string) => new TextEncoder().encode(text)
const files = new Map([
  ["package.json", bytes("{}")],
  ["plugin.ts", bytes("secret code")],
  ["static/a.css", bytes("a { color: red }")],
  ["static/deep/b.js", bytes("0123456789")],
  ["static/empty.txt", bytes("")],
  ["static/ä b%2e.txt", bytes("named")],
  ["static/page.html", bytes("<p>")],
])
const serve = createStatic(files, "/plugins/p/static/")
const ask = (path: string, headers: Record<string, string> = {}, method = "GET") =>
  serve(new Request(`http://localhost/plugins/p/static/${path}`, { headers, method }))

describe("createStatic()", () => {
  test("gives the bytes with their type, and says that they are to be asked for again", async () => {
    const answer = ask("deep/b.js?v=1")
    expect(answer.status).toBe(200)
    expect(await answer.text()).toBe("0123456789")
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      "content-type": "text/javascript;charset=utf-8",
      "cache-control": "private, no-cache",
      "accept-ranges": "bytes",
      "x-content-type-options": "nosniff",
    })
    expect(await ask("%C3%A4%20b%252e.txt").text()).toBe("named")
  })

  test.each([
    ["a.html", "text/html;charset=utf-8"],
    ["a.css", "text/css;charset=utf-8"],
    ["a.mjs", "text/javascript;charset=utf-8"],
    ["a.ts", "text/plain;charset=utf-8"],
    ["a.tsx", "text/plain;charset=utf-8"],
    ["a.md", "text/markdown;charset=utf-8"],
    ["a.csv", "text/csv;charset=utf-8"],
    ["a.json", "application/json;charset=utf-8"],
    ["a.svg", "image/svg+xml"],
    ["A.PNG", "image/png"],
    ["a.woff2", "font/woff2"],
    ["a.wasm", "application/wasm"],
    ["a", "application/octet-stream"],
    ["a.unknown", "application/octet-stream"],
  ])("%s is %s", (path, type) => {
    const one = createStatic(new Map([[`static/${path}`, bytes("x")]]), "/plugins/p/static/")
    expect(one(new Request(`http://localhost/plugins/p/static/${path}`)).headers.get("content-type")).toBe(type)
  })

  test.each([
    "",
    "deep",
    "deep/",
    "deep//b.js",
    "missing.css",
    "..%2fplugin.ts",
    "%2e%2e%2fplugin.ts",
    "..%252fplugin.ts",
    "%252e%252e%252fplugin.ts",
    "..%5cplugin.ts",
    "deep%2f..%2f..%2fplugin.ts",
    "deep/..%2fa.css",
    "a.css%00",
    "a.css%00.html",
    "%2fetc%2fpasswd",
    "%2e/a.css%2f",
    "A.CSS",
    "__proto__",
  ])("there is nothing at %p", async (path) => {
    expect(await problemOf((async () => ask(path))())).toEqual({ code: "NOT_FOUND", paths: {} })
  })

  test("a tag tells one content from another, and who has it is told so without it", async () => {
    const etag = ask("a.css").headers.get("etag") ?? ""
    expect(etag).toMatch(/^"[\w-]{43}"$/)
    expect(ask("deep/b.js").headers.get("etag")).not.toBe(etag)
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
      const answer = ask("a.css", { "if-none-match": known, range: "bytes=0-1" })
      expect([answer.status, await answer.text(), answer.headers.get("etag")]).toEqual([304, "", etag])
    }
    expect(ask("a.css", { "if-none-match": '"other"' }).status).toBe(200)
  })

  test("a range is answered with its bytes, if it is one of what is there now", async () => {
    const answer = ask("deep/b.js", { range: "bytes=2-4" })
    expect([answer.status, await answer.text(), answer.headers.get("content-range")]).toEqual([
      206,
      "234",
      "bytes 2-4/10",
    ])
    const etag = answer.headers.get("etag") ?? ""
    expect(ask("deep/b.js", { range: "bytes=2-4", "if-range": etag }).status).toBe(206)
    expect(ask("deep/b.js", { range: "bytes=2-4", "if-range": '"older"' }).status).toBe(200)
    expect(ask("deep/b.js", { range: "bytes=0-1,3-4" }).status).toBe(200)
    expect(ask("deep/b.js", { range: "bytes=2-4" }, "HEAD").status).toBe(200)
    const beyond = (async () => ask("deep/b.js", { range: "bytes=10-" }))()
    expect(beyond).rejects.toMatchObject({ code: "RANGE_INVALID", headers: { "content-range": "bytes */10" } })
    await beyond.catch(() => {})
  })
})

test.each([
  [null, 10, undefined],
  ["bytes=0-0", 10, { first: 0, last: 0 }],
  ["bytes=3-", 10, { first: 3, last: 9 }],
  ["bytes=3-99", 10, { first: 3, last: 9 }],
  ["bytes=-3", 10, { first: 7, last: 9 }],
  ["bytes=-99", 10, { first: 0, last: 9 }],
  ["BYTES = 1-2", 10, { first: 1, last: 2 }],
  ["bytes=10-", 10, null],
  ["bytes=-0", 10, null],
  ["bytes=0-", 0, null],
  ["bytes=-5", 0, null],
  ["bytes=4-2", 10, undefined],
  ["bytes=-", 10, undefined],
  ["bytes=a-b", 10, undefined],
  ["bytes=0-1,2-3", 10, undefined],
  ["bytes=99999999999999999999-", 10, undefined],
  ["lines=0-1", 10, undefined],
])("readRange() takes %p of %d bytes as %p", (header, size, range) => {
  expect(readRange(header, size)).toEqual(range as never)
})
