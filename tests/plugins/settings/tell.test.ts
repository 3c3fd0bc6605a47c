import { expect, test } from "bun:test"
import { createLog } from "../../../src/log.ts"
import { createTeller } from "../../../src/plugins/settings/tell.ts"

/** What is logged, and counted as a failure, where `onSettings` throws this. */
async function throwing(settings: Record<string, unknown>, message: string) {
  const lines: string[] = []
  const log = createLog({ level: "debug", format: "json", write: (line) => void lines.push(line) })
  const failed = Promise.withResolvers<unknown>()
  const onSettings = () => {
    throw new Error(message)
  }
  createTeller({ id: "p", onSettings }, { log, onFailure: failed.resolve })(settings)
  return `${lines.join()} ${await failed.promise}`
}

test("values of settings are in no log line, however an error of onSettings has them", async () => {
  const settings = { KEY: 'line "one"\nline two/ä', DEEP: [{ PIN: 471_147 }], SHORT: "ab" }
  for (const text of [settings.KEY, JSON.stringify(settings), `https://x/?key=${encodeURIComponent(settings.KEY)}`]) {
    const told = await throwing(settings, `cannot use ${text} of ${settings.DEEP[0]?.PIN}`)
    expect(told).toContain("cannot use")
    expect(told).toContain("•••")
    expect(told).not.toMatch(/line|two|471147/)
  }
})
