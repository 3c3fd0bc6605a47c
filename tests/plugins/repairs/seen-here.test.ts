import { expect, test } from "bun:test"
import { systemUser } from "../../../src/core/access.ts"
import { openDatabase } from "../../../src/db/database.ts"
import { createLog } from "../../../src/log.ts"
import { createRepairs, type Repairs } from "../../../src/plugins/repairs.ts"
import { eachDatabase } from "../../support/database.ts"

const log = createLog({ level: "error", format: "json", write: () => {} })
const toRepair = (code: string) => ({ plugin: "p", code, severity: "error", message: code, mend: "mend" }) as const

async function codesOf(repairs: Repairs): Promise<string[]> {
  const { results } = await repairs.list(systemUser, { limit: 10, offset: 0 })
  return results.map(({ code }) => code).sort()
}

async function untilCodes(repairs: Repairs, wanted: string[]): Promise<void> {
  const end = performance.now() + 10_000
  while (!Bun.deepEquals(await codesOf(repairs), wanted)) {
    if (performance.now() > end) throw new Error(`There are still ${await codesOf(repairs)}`)
    await Bun.sleep(10)
  }
}

eachDatabase((dialect, open) => {
  test.if(dialect === "postgres")("what another process resolves that does not see it is told again", async () => {
    const database = await open()
    await using second = Object.assign(await openDatabase(database.place), {
      [Symbol.asyncDispose]: () => second.close(),
    })
    const one = createRepairs({ database, log, pause: 50 })
    await one.begin()
    await one.report(toRepair("DEALT_WITH"))
    await one.report(toRepair("SEEN"))
    await one.report(toRepair("MENDED"))

    const two = createRepairs({ database: second, log, pause: 50 })
    await two.begin()
    const [newest] = (await two.list(systemUser, { limit: 10, offset: 0 })).results.filter(
      ({ code }) => code === "DEALT_WITH",
    )
    await two.settle({ ...systemUser, is_admin: true }, newest?.id ?? 0)
    await one.resolve({ plugin: "p", code: "MENDED" })
    await two.resolve({ plugin: "p", code: "SEEN" })
    await untilCodes(two, ["SEEN"])
    await one.resolve({ plugin: "p", code: "SEEN" })
    expect(await codesOf(two)).toEqual([])
    await one.close()
    await two.close()
  })
})
