import type { PluginCode } from "./plugin-host.ts"

/** A plugin that tells what it sees of its settings, in routes, by its `api`, in jobs, and in `onSettings`. */
export const settingsPlugin: PluginCode = {
  permissions: ["jobs:create", "import:process"],
  body: `import { job, secret, t } from "@pagoda/sdk"
const told = []
let began = 0
const gate = Promise.withResolvers()`,
  fields: `
  settings: t.Object({
    GREETING: t.String({ default: "Hello" }),
    SLOW: t.Boolean({ default: false }),
    API_KEY: t.Optional(secret(t.String({ minLength: 8 }))),
  }),
  onSettings: async (settings) => {
    told.push(settings.GREETING)
    if (settings.GREETING === "throw") throw new Error("cannot use " + settings.API_KEY)
    if (settings.SLOW) await new Promise(() => {})
  },
  jobs: {
    700: job({ name: "SEE", run: async ({ api }) => {
      const settings = await api.settings.get()
      return JSON.stringify({ greeting: settings.GREETING, key_length: settings.API_KEY?.length ?? null, told, pid: process.pid })
    } }),
    701: job({ name: "SET", run: async ({ api }) => { await api.settings.set({ GREETING: "set by a job" }); return "ok" } }),
  },
  routes: (app) => app
    .get("/see", async ({ settings, api }) => ({
      greeting: settings.GREETING,
      by_api: (await api.settings.get()).GREETING,
      key_length: settings.API_KEY?.length ?? null,
      told,
    }))
    .get("/open", ({ settings }) => settings.GREETING, { auth: false })
    .get("/environment", () => Object.values(process.env).join())
    .get("/began", () => ({ began }))
    .post("/go", () => gate.resolve())
    .get("/slow", async ({ settings }) => {
      const before = settings.GREETING
      began++
      await gate.promise
      return { before, after: settings.GREETING }
    })
    .post("/set", async ({ api, body }) => { await api.settings.set(body); return api.settings.get() })
    .post("/start", async ({ api, body }) => [(await api.jobs.create({ operation: body.operation })).id]),`,
}
