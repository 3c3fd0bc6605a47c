import { expect, test } from "bun:test"
import { type PluginDefinition, secret, t } from "@pagoda/sdk"
import { openTestApp } from "../support/app.ts"
import { eachDatabase } from "../support/database.ts"

const path = "/api/v2/admin/plugins/greeter/settings"
const schema = t.Object({ GREETING: t.String({ default: "Hello" }), API_KEY: t.Optional(secret(t.String())) })
const greeter = { id: "greeter", name: "Greeter", version: "1.0.0", settings: schema } as unknown as PluginDefinition

eachDatabase((_, open) => {
  test("admins alone see and change the settings of a plugin of the lockfile", async () => {
    await using app = await openTestApp(await open())
    app.add(greeter)
    const { headers } = await app.login("root", true)
    const { headers: others } = await app.login("alice")
    const send = async (method: string, options: { body?: unknown; as?: Record<string, string>; at?: string } = {}) => {
      const { body, as = headers, at = path } = options
      const response = await app.request(at, {
        method,
        headers: as,
        body: body === undefined ? null : JSON.stringify(body),
      })
      return { status: response.status, body: (await response.json()) as any }
    }
    expect(await send("GET")).toMatchObject({ status: 409, body: { code: "CONFLICT" } })
    const own = await app.settings.open("greeter", schema)
    expect(await send("GET")).toEqual({ status: 200, body: { GREETING: "Hello", API_KEY: { is_set: false } } })
    const change = { GREETING: "Hi", API_KEY: "a secret value" }
    const changed = { status: 200, body: { GREETING: "Hi", API_KEY: { is_set: true } } }
    expect(await send("PATCH", { body: change })).toEqual(changed)
    expect(await send("GET", { at: `${path}/` })).toEqual(changed)
    expect(own.current).toEqual(change)

    for (const method of ["GET", "PATCH"]) {
      const body = method === "PATCH" ? {} : undefined
      expect(await send(method, { body, as: others })).toMatchObject({ status: 403, body: { code: "FORBIDDEN" } })
      const at = "/api/v2/admin/plugins/nobody/settings"
      expect(await send(method, { body, at })).toMatchObject({ status: 404, body: { code: "NOT_FOUND" } })
      expect(await send(method, { body, at, as: others })).toMatchObject({ status: 403 })
      const nobody = { "content-type": "application/json" }
      expect(await send(method, { body, as: nobody })).toMatchObject({ status: 401 })
    }
    expect(await send("PATCH", { body: { GREETING: 5, GREETNG: 1 } })).toMatchObject({
      status: 422,
      body: { code: "VALIDATION_FAILED", errors: [{ path: "GREETING" }, { path: "GREETNG", code: "UNKNOWN" }] },
    })
    expect(await send("PATCH", { body: { GREETING: null, API_KEY: null } })).toEqual({
      status: 200,
      body: { GREETING: "Hello", API_KEY: { is_set: false } },
    })
    const audit = await send("GET", { at: "/api/v2/admin/audit" })
    expect(JSON.stringify(audit.body)).not.toContain("a secret value")
    expect(app.lines.join()).not.toContain("a secret value")
  })
})
