import { afterAll, expect, test } from "bun:test"
import { eachDatabase } from "../support/database.ts"
import { removeFolders } from "../support/folder.ts"
import { until } from "../support/hooks.ts"
import { askUntil, startTestHost } from "../support/host.ts"
import { makePluginFolder } from "../support/plugin-host.ts"

/** Kills the host in its first delivery, which is after the commit and before anything was done. */
const plugins = {
  reporter: {
    permissions: ["entries:read", "env:PAGODA_LOG_LEVEL", "import:process"],
    body: `import { onEntry } from "@pagoda/sdk"
const told = []`,
    fields: `routes: (app) => app.get("/told", () => told),
    hooks: [onEntry("after_create", { durable: true, timeout_ms: 1000 }, async ({ entry, user, api }) => {
      if (await api.env("PAGODA_LOG_LEVEL") === "debug") {
        process.kill(process.pid, "SIGKILL")
        await new Promise(() => {})
      }
      told.push(entry.name + " by " + user.username)
    })],`,
  },
}

afterAll(removeFolders)

eachDatabase((_, open) => {
  test("a durable hook is delivered although the host was killed between the commit and the delivery", async () => {
    const { url } = await open.place()
    const cwd = await makePluginFolder(plugins)
    const env = { ...(url && { DATABASE_URL: url }) }
    const killed = await startTestHost({ cwd, env: { ...env, PAGODA_LOG_LEVEL: "debug" } })
    const { body: entity } = await killed.ask("/api/v2/entities", { body: { name: "Server" } })
    // the answer may or may not come before the end
    await killed.ask(`/api/v2/entities/${entity.id}/entries`, { body: { name: "web01" } }).catch(() => {})
    await until(() => killed.process.exitCode !== null || killed.process.signalCode !== null)
    expect(killed.process.signalCode).toBe("SIGKILL")

    const host = await startTestHost({ cwd, env })
    expect((await host.ask("/api/v2/entries?entity=Server")).body.count).toBe(1)
    const told = await askUntil(host, "/api/v2/plugins/reporter/told", (told) => told.length > 0)
    expect(told).toEqual(["web01 by admin"])
    const { body: plugin } = await host.ask("/api/v2/plugins/reporter")
    expect(plugin.hooks).toMatchObject([{ name: "entry.after_create", durable: true, calls: 1 }])
    expect(await host.stop()).toMatchObject({ exitCode: 0 })
  }, 60_000)
})
