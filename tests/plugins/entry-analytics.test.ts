import { expect, test } from "bun:test"
import type { User } from "@pagoda/sdk"
import plugin from "../../plugin-samples/entry-analytics/plugin.ts"
import { generateReport } from "../../plugin-samples/entry-analytics/report.ts"
import { createLog } from "../../src/log.ts"
import { createApiFor } from "../../src/plugins/api.ts"
import { createLimits } from "../../src/plugins/limits.ts"
import { openTestCore, rootUser } from "../support/core.ts"
import { eachDatabase } from "../support/database.ts"
import { addEntries } from "../support/many-entries.ts"
import { mountTestPlugin, token } from "../support/plugin-app.ts"

eachDatabase((_, open) => {
  test("the sample counts ten thousand entries with as many statements as ten, and reads none of them", async () => {
    const statements: string[] = []
    const onStatement = (text: string) => void statements.push(text)
    const database = await open({ place: { ...(await open.place()), onStatement } })
    const core = openTestCore(database)
    const apiFor = createApiFor({
      id: plugin.id,
      granted: new Set(plugin.permissions),
      settings: { current: {}, set: async () => {} },
      files: new Map() as never,
      core: { ...core, users: { get: async () => null } },
      db: {} as never,
      jobs: {} as never,
      operations: {} as never,
      register: () => {},
      env: {},
      limits: createLimits().of(plugin.id),
      log: createLog({ level: "error", format: "json", write: () => {} }),
    })
    const { request } = mountTestPlugin(plugin.routes, (user) => apiFor(user as User))
    const get = async (path: string) => (await request(`/analytics/${path}`, { headers: token })).json()
    const report = async () => {
      const context = { params: { report_type: "all", days: 30 }, api: apiFor(rootUser), progress: async () => {} }
      return (await generateReport.run(context as never)) as any
    }
    const { id } = await core.entities.create(rootUser, { name: "Server" })
    const counted = async () => {
      const all = [() => get("summary"), () => get(`entries/${id}`), report]
      const counts: number[] = []
      const answers: any[] = []
      for (const work of all) {
        await work()
        statements.length = 0
        answers.push(await work())
        counts.push(statements.length)
        expect(statements.filter((text) => /"attrs"|"search"/.test(text) && text.includes("limit"))).toEqual([])
        expect(statements.filter((text) => /\bfrom "entry"/.test(text) && !text.includes("count("))).toEqual([])
      }
      return { counts, answers }
    }

    await addEntries(database, id, 10)
    const few = await counted()
    await addEntries(database, id, 9_990)
    const many = await counted()
    expect(many.counts).toEqual(few.counts)
    const [summary, entity, { summary: total, entity_breakdown }] = many.answers
    expect(summary).toMatchObject({ total_entries: 10_000, recent_entries: 10_000 })
    expect(entity).toMatchObject({ entity_name: "Server", total_entries: 10_000, active_entries: 10_000 })
    expect(total).toEqual({ total_entries: 10_000, entities_analyzed: 1 })
    expect(entity_breakdown).toEqual({ Server: { count: 10_000, active: 10_000 } })
  }, 60_000)
})
