import { afterAll, expect, test } from "bun:test"
import type { Job } from "@pagoda/sdk"
import { eachDatabase } from "../support/database.ts"
import { makeFolder, removeFolders } from "../support/folder.ts"
import { askUntil, startTestHost } from "../support/host.ts"

afterAll(removeFolders)

const rows = 3_000
const kills = 2

eachDatabase((_, open) => {
  test("an import whose host is killed in the middle, again and again, writes every row once", async () => {
    const { url } = await open.place()
    const cwd = await makeFolder()
    const options = { cwd, env: { ...(url && { DATABASE_URL: url }), PAGODA_LOG_LEVEL: "error" } }
    let host = await startTestHost(options)
    const attrs = [{ name: "cpu", type: "number" }]
    const { body: entity } = await host.ask("/api/v2/entities", { body: { name: "Server", attrs } })
    // each tenth row fails, which must be told once as well
    const lines = Array.from({ length: rows }, (_, at) => `web${at},${at % 10 ? at : "x"}`)
    const path = `/api/v2/entities/${entity.id}`
    const { body: made } = await host.ask("/api/v2/tokens", { body: { name: "import" } })
    const headers = { authorization: `Bearer ${made.token}`, "content-type": "text/csv" }
    const body = `name,cpu\n${lines.join("\n")}\n`
    const answer = await fetch(`${host.url}${path}/import`, { method: "POST", headers, body })
    expect(answer.status).toBe(202)
    const job = (await answer.json()) as Job

    let position = 0
    for (let kill = 1; kill <= kills; kill++) {
      const wanted = (rows / (kills + 1)) * kill
      const found = await askUntil(host, `/api/v2/jobs/${job.id}`, ({ message }) => rowsOf(message) >= wanted, 60_000)
      expect(found.status).toBe("processing")
      expect(rowsOf(found.message)).toBeGreaterThan(position)
      position = rowsOf(found.message)
      await host.stop("SIGKILL")
      host = await startTestHost(options)
    }
    const isOver = ({ status }: { status: string }) => !["preparing", "processing"].includes(status)
    const over = await askUntil(host, `/api/v2/jobs/${job.id}`, isOver, 60_000)
    expect(over).toMatchObject({ status: "warning", attempts: kills + 1 })
    const report = JSON.parse(over.text)
    expect(report).toMatchObject({ created: rows * 0.9, updated: 0, unchanged: 0, failed: rows / 10 })
    expect(report.errors.map(({ row }: { row: number }) => row)).toEqual(
      Array.from({ length: rows / 10 }, (_, at) => 10 * at + 1),
    )
    const { body: entries } = await host.ask(`/api/v2/entries?entity=Server&limit=1`)
    expect(entries.count).toBe(rows * 0.9)

    const { body: exporting } = await host.ask(`${path}/export`, { body: { format: "csv" } })
    expect(await askUntil(host, `/api/v2/jobs/${exporting.id}`, isOver)).toMatchObject({ status: "done" })
    const { body: file } = await host.ask(`/api/v2/jobs/${exporting.id}/download`)
    const names = file
      .trimEnd()
      .split("\r\n")
      .slice(1)
      .map((line: string) => line.split(",")[1])
    expect(names).toEqual(lines.map((line) => line.split(",")[0]).filter((_, at) => at % 10))
    expect(await host.stop()).toMatchObject({ exitCode: 0 })
  }, 180_000)
})

function rowsOf(message: string): number {
  return Number(/^(\d+) rows/.exec(message)?.[1] ?? 0)
}
