import { afterAll, expect, test } from "bun:test"
import { makeFolder, removeFolders } from "../support/folder.ts"
import { runPagoda, startPagodaWorker } from "../support/pagoda.ts"
import { createPostgresDatabase } from "../support/postgres.ts"

afterAll(removeFolders)

test("worker without DATABASE_URL is refused and says what to set", async () => {
  const { exitCode, stderr, stdout } = await runPagoda(["worker"], { cwd: await makeFolder() })
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" })
  for (const part of ["DATABASE_URL is not set", "postgres://", "pagoda serve"]) expect(stderr).toContain(part)
})

test("worker says one line when it is ready, listens nowhere, and stops on SIGTERM", async () => {
  const postgres = await createPostgresDatabase()
  const worker = await startPagodaWorker([], { cwd: await makeFolder(), env: { DATABASE_URL: postgres.url } })
  const { stdout, exitCode } = await worker.stop()
  expect({ stdout, exitCode }).toEqual({ stdout: "pagoda worker ready\n", exitCode: 0 })
  await postgres.drop()
}, 60_000)
