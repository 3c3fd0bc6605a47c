import type { PluginCode } from "./plugin-host.ts"

const permissions = ["entries:read", "jobs:create", "db"]
const plugin = (routes: string, more = "", body = ""): PluginCode => ({
  permissions,
  body,
  fields: `routes: (app) => app${routes}, ${more}`,
})

/** One that does what it should. */
export const good: PluginCode = plugin(
  `.get("/version", ({ plugin }) => plugin.version).post("/job", ({ api }) => api.jobs.create({ operation: 4000 }))`,
  `jobs: { 4000: { name: "GOOD", parallelizable: true, run: () => "done" } }, hooks: [{ name: "entry.before_create", handler: () => {} }],`,
)

/** Plugins that do what none should, by what they do. */
export const misbehaving: Record<string, PluginCode> = {
  "throws-everywhere": plugin(
    `.get("/now", () => { throw new Error("route") })`,
    `jobs: { 4010: { name: "THROWS", run: () => { throw new Error("job") } } },
     hooks: [{ name: "entry.after_create", handler: () => { throw new Error("hook") } }],
     dispose: () => { throw new Error("dispose") },`,
  ),
  "never-settles": plugin(
    `.get("/now", () => new Promise(() => {}))`,
    `hooks: [{ name: "entry.before_create", timeout_ms: 200, handler: () => new Promise(() => {}) }],`,
  ),
  "leaks-memory": plugin(
    `.get("/now", () => { kept.push(new Uint8Array(200 * 1024 * 1024).fill(1)); return kept.length })`,
    "",
    "const kept = []",
  ),
  "floods-the-log": plugin(
    `.get("/now", async ({ api }) => { for (let at = 0; at < 20_000; at++) { await api.log.info("flood " + at); console.log("flood", at) }; return "done" })`,
  ),
  "floods-jobs": plugin(
    `.get("/now", async ({ api }) => { let made = 0; for (let at = 0; at < 1_000; at++) { await api.jobs.create({ operation: 4020 }); made++ }; return made })`,
    `jobs: { 4020: { name: "FLOOD", parallelizable: true, run: () => {} } },`,
  ),
  "replaces-globals": plugin(
    `.get("/now", () => [typeof globalThis.Promise, globalThis.setTimeout()])`,
    "",
    `globalThis.Promise = 1; globalThis.setTimeout = () => "mine"; self.Response = undefined; globalThis.fetch = () => "mine"`,
  ),
  "answers-too-much": plugin(
    `.get("/now", () => new Response(new Uint8Array(1024 ** 3)))
     .get("/stream", async function* () { const part = "x".repeat(1024 ** 2); for (let at = 0; at < 1024; at++) yield part })`,
  ),
  "breaks-its-database": plugin(
    `.get("/now", async ({ api }) => { await api.db.run("DROP TABLE IF EXISTS kept"); return api.db.all("SELECT * FROM kept") })`,
    `migrations: [{ name: "0001", up: "CREATE TABLE kept (id integer)" }],`,
  ),
  "has-10000-routes": {
    permissions,
    fields: `routes: (app) => { for (let at = 0; at < 9_999; at++) app.get("/" + at, () => at); return app.get("/now", () => "one of them") },`,
  },
  "changes-object-prototype": plugin(
    `.get("/now", () => { Object.prototype.polluted = "yes"; return "polluted" })
     .get("/merge", () => { const target = {}; target["__proto__"]["polluted"] = "yes"; return "polluted" })
     .get("/seen", () => String({}.polluted))`,
  ),
  "rejects-unhandled": plugin(
    `.get("/now", () => { setInterval(() => { Promise.reject(new Error("nobody waits")) }, 5); return "later" })`,
  ),
  "throws-in-a-timer": plugin(
    `.get("/now", () => { setInterval(() => { throw new Error("in a timer") }, 5); return "later" })`,
  ),
}
