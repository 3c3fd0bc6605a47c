import { expect, test } from "bun:test"
import { definePlugin, html, t } from "@pagoda/sdk"
import { startServer } from "../../src/http/server.ts"
import { createLog } from "../../src/log.ts"
import { openTestApp, password } from "../support/app.ts"
import { browserPath, openBrowser } from "../support/browser.ts"
import { eachDatabase } from "../support/database.ts"
import { readProblem } from "../support/problem.ts"

const log = createLog({ level: "error", format: "json" })
const bytes = (text: string) => new TextEncoder().encode(text)

const files = new Map([
  ["plugin.ts", bytes("code")],
  ["static/page.css", bytes("h1 { color: rgb(1, 2, 3) }")],
  ["static/page.js", bytes("document.body.dataset.ran = 'yes'")],
  ["static/page.html", bytes("<p>")],
  ["static/drawing.svg", bytes("<svg/>")],
  ["static/feed.xml", bytes("<html xmlns='http://www.w3.org/1999/xhtml'><script>1</script></html>")],
])

const board = definePlugin({
  id: "board",
  name: "Board",
  version: "1.0.0",
  routes: (app) => app.get("/data", () => "data"),
  pages: (app) =>
    app
      .onAfterHandle({ as: "global" }, ({ set }) => {
        set.headers["x-board"] = "yes"
      })
      .get(
        "/",
        ({ user, plugin }) => html`<!doctype html><html><head><title>${plugin.name}</title>
          <link rel="stylesheet" href="/plugins/${plugin.id}/static/page.css"></head>
          <body><h1>Hello, ${user.username}!</h1>
          <form method="post" action="/plugins/${plugin.id}/say"><input name="text"><button>Say</button></form>
          <script src="/plugins/${plugin.id}/static/page.js"></script></body></html>`,
      )
      .get("/own", ({ set }) => {
        set.headers["content-security-policy"] = "default-src 'none'"
        return html`<p>own</p>`
      })
      .get("/teapot", ({ status }) => status(418, html`<h1>${"<I am>"}</h1>`))
      .get("/gone", () => new Response("<h1>gone</h1>", { status: 410, headers: { "content-type": "text/html" } }))
      .get("/broken", () => {
        throw new Error("secret")
      })
      .get("/ticks", async function* () {
        yield "one"
        yield "two"
      })
      .get("/public", () => html`<p>public</p>`, { auth: false })
      .post("/say", ({ body, user }) => html`<p id="said">${user.username} said: ${body.text}</p>`, {
        body: t.Object({ text: t.String() }),
      })
      .ws("/socket", {
        message(socket, message) {
          socket.send(`echo ${message}`)
        },
      }),
})

eachDatabase((dialect, open) => {
  if (dialect !== "sqlite") return

  test("a page is HTML with a policy, for those who are logged in", async () => {
    await using app = await openTestApp(await open())
    app.add(board, files)
    const { headers, token } = await app.login("alice")
    const page = await app.request("/plugins/board/", { headers })
    expect(page.status).toBe(200)
    expect(page.headers.get("content-type")).toBe("text/html;charset=utf-8")
    expect(page.headers.get("content-security-policy")).toStartWith("default-src 'self'; ")
    expect(page.headers.get("x-content-type-options")).toBe("nosniff")
    expect(await page.text()).toContain("<h1>Hello, alice!</h1>")
    expect((await app.request("/plugins/board", { headers })).status).toBe(200)
    const cookie = { cookie: `pagoda_session=${token}` }
    expect((await app.request("/plugins/board/own", { headers: cookie })).headers.get("content-security-policy")).toBe(
      "default-src 'none'",
    )
    for (const path of ["/", "", "/own", "/static/page.css", "/static/nothing"]) {
      expect((await readProblem(await app.request(`/plugins/board${path}`))).code).toBe("UNAUTHENTICATED")
    }
    expect((await app.request("/plugins/board/public")).status).toBe(200)
  })

  test("what a form posts with the cookie has to come from our own page", async () => {
    await using app = await openTestApp(await open())
    app.add(board, files)
    const { token } = await app.login("alice")
    const say = (site: string) =>
      app.request("/plugins/board/say", {
        method: "POST",
        body: new URLSearchParams({ text: "<b>hi</b>" }),
        headers: { cookie: `pagoda_session=${token}`, "sec-fetch-site": site },
      })
    expect(await (await say("same-origin")).text()).toBe(`<p id="said">alice said: &#60;b&#62;hi&#60;/b&#62;</p>`)
    expect((await readProblem(await say("cross-site"))).code).toBe("ORIGIN_FORBIDDEN")
  })

  test("files come with tags, ranges and HEAD, without the hooks of the pages", async () => {
    await using app = await openTestApp(await open())
    app.add(board, files)
    const { headers } = await app.login("alice")
    const ask = (path: string, more: Record<string, string> = {}, method = "GET") =>
      app.request(`/plugins/board/static/${path}`, { method, headers: { ...headers, ...more } })
    const style = await ask("page.css")
    expect(await style.text()).toBe("h1 { color: rgb(1, 2, 3) }")
    expect(style.headers.get("x-board")).toBeNull()
    const known = await ask("page.css", { "if-none-match": style.headers.get("etag") ?? "" })
    expect([known.status, await known.text()]).toEqual([304, ""])
    const part = await ask("page.css", { range: "bytes=0-1" })
    expect([part.status, await part.text()]).toEqual([206, "h1"])
    const beyond = await ask("page.css", { range: "bytes=100-" })
    expect(beyond.headers.get("content-range")).toBe("bytes */26")
    expect(await readProblem(beyond)).toMatchObject({ status: 416, code: "RANGE_INVALID", plugin: "board" })
    const head = await ask("page.css", {}, "HEAD")
    expect([head.status, head.headers.get("content-type"), await head.text()]).toEqual([
      200,
      "text/css;charset=utf-8",
      "",
    ])
    for (const path of ["..%2fplugin.ts", "%2e%2e%2fplugin.ts", "../plugin.ts", "", "%00"]) {
      expect((await readProblem(await ask(path))).status).toBe(404)
    }
    expect((await ask("page.css", {}, "POST")).status).toBe(405)
  })

  test("every file that a browser runs scripts of has the policy of a page", async () => {
    await using app = await openTestApp(await open())
    app.add(board, files)
    const { headers } = await app.login("alice")
    for (const [name, isPage] of [
      ["page.html", true],
      ["drawing.svg", true],
      ["feed.xml", true],
      ["page.css", false],
    ] as const) {
      const { headers: given } = await app.request(`/plugins/board/static/${name}`, { headers })
      expect([name, given.has("content-security-policy")]).toEqual([name, isPage])
    }
  })

  test("an error may have a page of its own, and else is a problem document", async () => {
    await using app = await openTestApp(await open())
    app.add(board, files)
    const { headers } = await app.login("alice")
    const teapot = await app.request("/plugins/board/teapot", { headers })
    expect([teapot.status, teapot.headers.get("content-type"), await teapot.text()]).toEqual([
      418,
      "text/html;charset=utf-8",
      "<h1>&#60;I am&#62;</h1>",
    ])
    expect(await (await app.request("/plugins/board/gone", { headers })).text()).toBe("<h1>gone</h1>")
    const broken = await app.request("/plugins/board/broken", { headers })
    expect(JSON.stringify(await readProblem(broken))).not.toContain("secret")
    expect(broken.status).toBe(500)
    expect(await readProblem(await app.request("/plugins/board/nothing", { headers }))).toMatchObject({
      status: 404,
      plugin: "board",
    })
    expect(await (await app.request("/plugins/board/ticks", { headers })).text()).toContain("two")
  })

  test("pages are no routes, and what is not active is 404", async () => {
    await using app = await openTestApp(await open())
    app.add(board, files)
    const { headers } = await app.login("alice", true)
    expect((await app.request("/api/v2/plugins/board/own", { headers })).status).toBe(404)
    expect((await app.request("/plugins/board/data", { headers })).status).toBe(404)
    expect(JSON.stringify(await (await app.request("/swagger/json")).json())).not.toContain("/plugins/board/own")
    for (const path of [
      "/plugins/other/",
      "/plugins/other",
      "/plugins/other/static/page.css",
      "/plugins/board2/own",
      "/plugins/",
    ]) {
      expect((await readProblem(await app.request(path, { headers }))).status).toBe(404)
      expect((await readProblem(await app.request(path))).status).toBe(404)
    }
  })

  test("a page talks over a socket, which is closed with its plugin", async () => {
    await using app = await openTestApp(await open())
    app.add(board, files)
    const { token } = await app.login("alice")
    const server = startServer({ host: "127.0.0.1", port: 0, core: app.core, plugins: app.apps, pages: app.pages, log })
    try {
      const socket = new WebSocket(`${server.url.replace("http", "ws")}/plugins/board/socket`, {
        headers: { authorization: `Bearer ${token}` },
      } as never)
      const next = (event: string) =>
        new Promise<any>((resolve) => socket.addEventListener(event, resolve, { once: true }))
      await next("open")
      const answer = next("message")
      socket.send("hi")
      expect((await answer).data).toBe("echo hi")
      const closed = next("close")
      server.leave("board")
      expect((await closed).code).toBe(1012)
    } finally {
      await server.stop()
    }
  })

  test.skipIf(!browserPath)("a browser that logged in sees the page with its files, and posts its form", async () => {
    await using app = await openTestApp(await open())
    app.add(board, files)
    await app.login("alice")
    const server = startServer({ host: "127.0.0.1", port: 0, core: app.core, plugins: app.apps, pages: app.pages, log })
    const browser = await openBrowser()
    try {
      const page = await browser.newPage()
      const messages: string[] = []
      page.on("console", (message) => {
        if (!message.location().url.endsWith("/favicon.ico")) messages.push(message.text())
      })
      await page.goto(`${server.url}/health/live`)
      await page.evaluate(
        (body) =>
          fetch("/api/v2/auth/login", { method: "POST", headers: { "content-type": "application/json" }, body }),
        JSON.stringify({ username: "alice", password }),
      )
      await page.goto(`${server.url}/plugins/board/`)
      expect(await page.evaluate('getComputedStyle(document.querySelector("h1")).color')).toBe("rgb(1, 2, 3)")
      expect(await page.locator("body").getAttribute("data-ran")).toBe("yes")
      await page.fill("input", "<img src=x onerror=alert(1)>")
      await page.click("button")
      expect(await page.locator("#said").textContent()).toBe("alice said: <img src=x onerror=alert(1)>")
      expect(await page.locator("img").count()).toBe(0)
      expect(messages).toEqual([])
    } finally {
      await browser.close()
      await server.stop()
    }
  })
})
