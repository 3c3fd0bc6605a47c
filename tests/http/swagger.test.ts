import { expect, test } from "bun:test"
import type { Page } from "playwright-core"
import helloWorld from "../../plugin-samples/hello-world/plugin.ts"
import { startServer } from "../../src/http/server.ts"
import { createLog } from "../../src/log.ts"
import { openTestApp } from "../support/app.ts"
import { browserPath, openBrowser } from "../support/browser.ts"
import { eachDatabase } from "../support/database.ts"

const log = createLog({ level: "error", format: "json" })

eachDatabase((dialect, open) => {
  if (dialect !== "sqlite") return

  test("the page and its files are ours, and it has no script of its own", async () => {
    await using app = await openTestApp(await open())
    const page = await app.request("/swagger")
    expect(page.headers.get("content-type")).toStartWith("text/html")
    expect(page.headers.get("content-security-policy")).toContain("script-src 'self';")
    const text = await page.text()
    expect(text).not.toMatch(/https?:\/\//)
    for (const [, path] of text.matchAll(/(?:src|href)="(\/[^"]+)"/g)) {
      expect((await app.request(path ?? "")).status).toBe(200)
    }
    expect((await app.request("/swagger/")).status).toBe(200)
  })

  test.skipIf(!browserPath)(
    "a browser without a network lists the tags, authorizes, and executes a plugin's route",
    async () => {
      await using app = await openTestApp(await open())
      app.add(helloWorld)
      const { token } = await app.login("alice")
      const server = startServer({ host: "127.0.0.1", port: 0, core: app.core, plugins: app.apps, log })
      const browser = await openBrowser()
      try {
        const page = await browser.newPage({ viewport: { width: 1200, height: 1600 } })
        const seen = watch(page)
        await page.goto(`${server.url}/swagger`)
        await page.waitForSelector("#operations-tag-hello-world-plugin")
        expect(await page.locator(".opblock-tag").count()).toBeGreaterThanOrEqual(5)

        await page.click("button.authorize")
        await page.fill('.auth-container input[type="text"] >> nth=0', token)
        await page.click(".auth-btn-wrapper button.authorize >> nth=0")
        await page.click(".auth-btn-wrapper button.btn-done >> nth=0")

        const operation = page.locator(".opblock", { hasText: "/api/v2/plugins/hello-world-plugin/greet/{name}" })
        await operation.locator(".opblock-summary-control").click()
        await operation.locator("button.try-out__btn").click()
        await operation.locator(".parameters input").fill("Ada")
        await operation.locator("button.execute").click()
        const answer = operation.locator(".live-responses-table .response")
        await answer.waitFor()
        expect(await answer.locator(".response-col_status").textContent()).toStartWith("200")
        expect(await answer.textContent()).toContain("Ada! Welcome to Pagoda!")

        expect(seen.messages).toEqual([])
        expect(seen.hosts).toEqual(new Set([new URL(server.url).host]))
      } finally {
        await browser.close()
        await server.stop()
      }
    },
    60_000,
  )
})

/** What the page complains about, and whom it asks. */
function watch(page: Page) {
  const messages: string[] = []
  const hosts = new Set<string>()
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") messages.push(message.text())
  })
  page.on("pageerror", (error) => messages.push(String(error)))
  page.on("request", (request) => {
    const { protocol, host } = new URL(request.url())
    if (protocol !== "data:") hosts.add(host)
  })
  return { messages, hosts }
}
