import { expect, test } from "bun:test"
import { systemUser } from "../../src/core/access.ts"
import { createLog } from "../../src/log.ts"
import { createRepairs, type RepairRecord } from "../../src/plugins/repairs.ts"
import { eachDatabase, type TestDatabase } from "../support/database.ts"

const page = { limit: 10, offset: 0 }
const key = { plugin: "p", code: "SETTING_MISSING" }
const repair = { ...key, severity: "warning", message: "a setting is missing", mend: "set it" } as const

function openRepairs(database: TestDatabase) {
  const told: string[] = []
  const lines: string[] = []
  const log = createLog({ level: "debug", format: "json", write: (line) => void lines.push(line) })
  const onChange = async ({ message, resolved_at }: RepairRecord) => {
    told.push(resolved_at === null ? message : `resolved: ${message}`)
  }
  return { repairs: createRepairs({ database, log, onChange }), told, lines }
}

eachDatabase((_, open) => {
  test("what is reported again is one repair: counted, told once, and anew where it says something else", async () => {
    const { repairs, told, lines } = openRepairs(await open())
    await repairs.begin()
    await repairs.report(repair)
    await repairs.report(repair)
    const { count, results } = await repairs.list(systemUser, page)
    expect(count).toBe(1)
    expect(results[0]).toMatchObject({ ...repair, count: 2, resolved_at: null, resolved_by: null })
    expect(told).toEqual([repair.message])
    expect(lines.filter((line) => line.includes(repair.message))).toHaveLength(1)
    await repairs.report({ ...repair, message: "two are missing" })
    expect(told).toEqual([repair.message, "two are missing"])
    await Promise.all([1, 2, 3].map(() => repairs.report({ ...repair, message: "two are missing" })))
    expect((await repairs.list(systemUser, page)).results).toMatchObject([{ count: 6 }])
  })

  test("what is resolved is over once, and open anew when it is reported again", async () => {
    const { repairs, told } = openRepairs(await open())
    await repairs.begin()
    await repairs.resolve(key)
    await repairs.report(repair)
    await repairs.resolve(key)
    await repairs.resolve(key)
    expect(told).toEqual([repair.message, `resolved: ${repair.message}`])
    expect((await repairs.list(systemUser, page)).count).toBe(0)
    const [over] = (await repairs.list(systemUser, { ...page, resolved: true })).results
    expect(over).toMatchObject({ ...key, resolved_by: null })
    await repairs.report(repair)
    const [again] = (await repairs.list(systemUser, page)).results
    expect(again).toMatchObject({ count: 1 })
    expect(again?.id).not.toBe(over?.id)
  })

  test("until it begins nothing is asked of the database; then all is written in order", async () => {
    const database = await open()
    const { repairs } = openRepairs(database)
    await repairs.report(repair)
    await repairs.report({ ...repair, code: "OTHER" })
    await repairs.resolve(key)
    expect((await repairs.list(systemUser, page)).count).toBe(0)
    await repairs.begin()
    expect((await repairs.list(systemUser, page)).results).toMatchObject([{ code: "OTHER" }])
  })

  test("a process resolves what an earlier one reported, and not what another one did meanwhile", async () => {
    const database = await open()
    const first = openRepairs(database)
    await first.repairs.begin()
    await first.repairs.report(repair)
    const second = openRepairs(database)
    await second.repairs.begin()
    expect(await second.repairs.known()).toEqual([expect.objectContaining(key)])
    await second.repairs.resolve(key)
    expect((await first.repairs.list(systemUser, page)).count).toBe(0)
    await first.repairs.report({ ...repair, code: "OTHER" })
    await second.repairs.resolve({ plugin: "p", code: "OTHER" })
    expect((await first.repairs.list(systemUser, page)).count).toBe(1)
  })
})
