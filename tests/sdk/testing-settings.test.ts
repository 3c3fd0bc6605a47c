import { expect, test } from "bun:test"
import { definePlugin, type Json, PluginValidationError, secret, t } from "@pagoda/sdk"
import { testPlugin } from "@pagoda/sdk/testing"

const told: unknown[] = []
const plugin = definePlugin({
  id: "greeter",
  name: "Greeter",
  version: "1.0.0",
  settings: t.Object({ GREETING: t.String({ default: "Hello" }), API_KEY: t.Optional(secret(t.String())) }),
  onSettings: async ({ GREETING }) => void told.push(GREETING),
  routes: (app) =>
    app
      .get("/see", async ({ settings, api }) => [settings, await api.settings.get()])
      .post("/set", async ({ api, body }) => api.settings.set(body as { GREETING: string })),
})

test("routes, the api and onSettings see what is changed", async () => {
  await using tested = await testPlugin(plugin, { settings: { GREETING: "Hi" } })
  const see = async () => (await tested.request("/see")).json()
  expect(await see()).toEqual([{ GREETING: "Hi" }, { GREETING: "Hi" }])
  expect(told).toEqual([])
  await tested.changeSettings({ GREETING: null, API_KEY: "x" })
  const now = { GREETING: "Hello", API_KEY: "x" }
  expect(await see()).toEqual([now, now])
  expect((await tested.request("/set", { json: { GREETING: "Hey" } })).status).toBe(200)
  await tested.changeSettings({ GREETING: "Hey" })
  expect(told).toEqual(["Hello", "Hey"])
})

test("what does not fit is refused, and changes nothing", async () => {
  await using tested = await testPlugin(plugin)
  expect((await tested.request("/set", { json: { GREETING: 5 } })).status).toBe(422)
  for (const changes of [{ GREETING: 5 }, { GREETNG: "x" }] as Record<string, Json>[]) {
    const failed = await tested.changeSettings(changes).catch((error) => error)
    expect(failed).toBeInstanceOf(PluginValidationError)
    expect(failed.path).toBe(Object.keys(changes)[0])
  }
  expect(await (await tested.request("/see")).json()).toEqual([{ GREETING: "Hello" }, { GREETING: "Hello" }])
})
