import { afterAll, expect, test } from "bun:test"
import { existsSync } from "node:fs"
import { removeFolders } from "../support/folder.ts"
import { startTestHost } from "../support/host.ts"
import { runPagoda } from "../support/pagoda.ts"
import { makePluginFolder, type PluginCode } from "../support/plugin-host.ts"

afterAll(removeFolders)

/** As `startTestHost` starts it: the first start makes the admin. */
const env = { PAGODA_ADMIN_PASSWORD: "correct horse battery staple" }
const startAndDie = (cwd: string) => runPagoda(["serve", "--port", "0"], { cwd, env })

const permissions = ["import:process"]
const kill = `process.kill(process.pid, "SIGKILL")`
/** `pagoda lock` looks at a plugin without running it only where its package says what it asks for. */
const killers: Record<string, PluginCode> = {
  "at its import": { permissions, fields: "", body: kill },
  "while it is mounted": { permissions, fields: `routes: (app) => { ${kill}; return app },` },
  "in initialize": { permissions, fields: `initialize: () => { ${kill} },` },
}

for (const [where, killer] of Object.entries(killers)) {
  test(`a plugin that ends the process ${where} is quarantined at the start after the third time`, async () => {
    const cwd = await makePluginFolder({ alpha: { fields: "" }, killer, zeta: { fields: "" } })
    for (let nth = 1; nth <= 3; nth++) {
      const { exitCode, stdout } = await startAndDie(cwd)
      expect({ nth, exitCode, stdout }).toEqual({ nth, exitCode: 137, stdout: "" })
    }
    const host = await startTestHost({ cwd })
    const { body } = await host.ask("/api/v2/plugins/killer")
    expect(body).toMatchObject({ state: "quarantined", error: { step: "import", code: "QUARANTINED" } })
    expect(body.error.message).toContain("it ended the process 3 times in a row while it was loaded")
    for (const id of ["alpha", "zeta"]) expect((await host.ask(`/api/v2/plugins/${id}/version`)).status).toBe(200)
    expect(existsSync(`${cwd}/.pagoda/loading.json`)).toBe(false)
    await host.stop()
    // looked at without being run
    const { stdout } = await runPagoda(["plugin", "list"], { cwd })
    expect(stdout).toContain("killer (1.0.0) - killer: quarantined")
  }, 90_000)
}

test("a start that was ended twice forgets it once the plugin has been loaded", async () => {
  const body = `const { existsSync } = require("node:fs"); if (existsSync("kill")) ${kill}`
  const once = { permissions: [...permissions, "import:node:fs"], fields: "", body }
  const cwd = await makePluginFolder({ once })
  const file = `${cwd}/kill`
  for (let round = 1; round <= 2; round++) {
    await Bun.write(file, "")
    for (let nth = 1; nth <= 2; nth++) {
      expect((await startAndDie(cwd)).exitCode).toBe(137)
    }
    await Bun.file(file).delete()
    const host = await startTestHost({ cwd })
    expect((await host.ask("/api/v2/plugins/once")).body.state).toBe("active")
    await host.stop()
  }
}, 90_000)
