import { afterAll, expect, test } from "bun:test"
import { join } from "node:path"
import { makeFolder, removeFolders } from "../support/folder.ts"
import { startTestHost } from "../support/host.ts"
import { runPagoda } from "../support/pagoda.ts"

const root = join(import.meta.dir, "../..")

afterAll(removeFolders)

test("the repository's own lockfile names the samples byte for byte", async () => {
  const args = ["plugin", "verify", "--lockfile", join(root, "plugins.lock.json"), "--data-dir", await makeFolder()]
  const { exitCode, stdout, stderr } = await runPagoda(args, { cwd: root })
  expect([exitCode, stderr]).toEqual([0, ""])
  for (const id of ["entry-analytics-plugin", "hello-world-plugin"]) expect(stdout).toContain(id)
})

test.skipIf(process.env.PAGODA_BINARY !== undefined)(
  "serve --samples loads every sample, and says that they are unverified",
  async () => {
    const host = await startTestHost({ cwd: root }, ["--samples", "--data-dir", await makeFolder()])
    const { body } = await host.ask("/api/v2/plugins")
    expect(body.results.map(({ id, state }: { id: string; state: string }) => [id, state])).toEqual([
      ["entry-analytics-plugin", "active"],
      ["hello-world-plugin", "active"],
    ])
    expect((await host.stop()).stderr).toContain("UNVERIFIED")
  },
)
