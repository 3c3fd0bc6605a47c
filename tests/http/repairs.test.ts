import { expect, test } from "bun:test"
import type { RepairRecord } from "../../src/plugins/repairs.ts"
import { openTestApp } from "../support/app.ts"
import { eachDatabase } from "../support/database.ts"
import { readProblem } from "../support/problem.ts"
import { readServerEvents } from "../support/server-events.ts"

const path = "/api/v2/admin/repairs"
const repair = { plugin: "p", code: "CODE", severity: "error", message: "it is broken", mend: "mend it" } as const

eachDatabase((_, open) => {
  test("admins see repairs and say that one is dealt with; nobody else does", async () => {
    await using app = await openTestApp(await open())
    const admin = await app.login("ada", true)
    const other = await app.login("bob")
    await app.repairs.report(repair)
    const { results } = (await (await app.request(path, { headers: admin.headers })).json()) as any
    expect(results).toMatchObject([{ ...repair, count: 1 }])
    const resolve = `${path}/${results[0].id}/resolve`
    for (const [url, method] of [
      [path, "GET"],
      [resolve, "POST"],
      ["/api/v2/admin/events", "GET"],
      ["/api/v2/admin/notices", "GET"],
    ] as const) {
      const refused = await readProblem(await app.request(url, { method, headers: other.headers }))
      expect([url, refused.code]).toEqual([url, "FORBIDDEN"])
    }
    const said = await app.request(resolve, { method: "POST", headers: admin.headers })
    expect(await said.json()).toMatchObject({ ...repair, resolved_by: "ada" })
    const again = await app.request(resolve, { method: "POST", headers: admin.headers })
    expect(again.status).toBe(200)
    const missing = await app.request(`${path}/999/resolve`, { method: "POST", headers: admin.headers })
    expect((await readProblem(missing)).code).toBe("NOT_FOUND")
    expect(await (await app.request(path, { headers: admin.headers })).json()).toMatchObject({ count: 0 })
    const over = await (await app.request(`${path}?resolved=true`, { headers: admin.headers })).json()
    expect(over).toMatchObject({ count: 1, results: [{ resolved_by: "ada" }] })
  })

  test("admins are told of repairs, notices and states as they come; who comes back misses no repair", async () => {
    await using app = await openTestApp(await open())
    const { headers } = await app.login("ada", true)
    const follow = async (lastEventId?: string) => {
      const more: Record<string, string> = lastEventId === undefined ? {} : { "last-event-id": lastEventId }
      const events = readServerEvents<any>(
        await app.request("/api/v2/admin/events", { headers: { ...headers, ...more } }),
      )
      await events.started
      return events
    }
    const first = await follow()
    await app.repairs.report(repair)
    await app.adminEvents.tell("notice", { plugin: "p", severity: "info", message: "hello" })
    app.adminEvents.tellHere({ id: "p", state: "active" })
    const kinds = new Set<string>()
    const told = await first.until(({ event }) => kinds.add(event).size === 3)
    expect(told.map(({ event }) => event).sort()).toEqual(["notice", "plugin", "repair"])
    expect(told.find(({ event }) => event === "notice")?.data).toMatchObject({ plugin: "p", message: "hello" })
    const seen = told.find(({ event }) => event === "repair")
    expect(seen?.data as RepairRecord).toMatchObject(repair)
    first.close()
    await app.repairs.resolve(repair)
    const second = await follow(seen?.id)
    const missed = await second.until(({ event }) => event === "repair")
    expect(missed.map(({ event }) => event)).toEqual(["notice", "repair"])
    expect(missed[1]?.data.resolved_at).toBeString()
    second.close()
    const { results } = (await (await app.request("/api/v2/admin/notices", { headers })).json()) as any
    expect(results).toMatchObject([{ plugin: "p", severity: "info", message: "hello" }])
  })

  test("the stream ends when its user is no admin any more", async () => {
    await using app = await openTestApp(await open())
    const { user, headers } = await app.login("ada", true)
    await app.login("root", true)
    const events = readServerEvents(await app.request("/api/v2/admin/events", { headers }))
    await events.started
    await app.accounts.updateUser(user.id, { is_admin: false })
    await events.ended
  })
})
