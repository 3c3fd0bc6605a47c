import { expect, test } from "bun:test"
import { openTestApp } from "../support/app.ts"
import { clientOf } from "../support/client.ts"
import { eachDatabase } from "../support/database.ts"
import { readProblem } from "../support/problem.ts"

const path = "/admin/plugins/mine/limits"

eachDatabase((_, open) => {
  test("an admin sees and changes the limits of a plugin, and null is the standard again", async () => {
    await using app = await openTestApp(await open())
    app.add({ id: "mine", name: "Mine", version: "1.0.0" })
    const admin = clientOf(app, (await app.login("admin", true)).headers)
    const standard = { value: 60_000, standard: 60_000, refused: 0 }
    expect(await (await admin.get(path)).json()).toMatchObject({ jobs_per_minute: standard })
    const changed = await admin.patch(path, { jobs_per_minute: 7, route_ms: 100 })
    expect(await changed.json()).toMatchObject({ jobs_per_minute: { ...standard, value: 7 }, route_ms: { value: 100 } })
    expect(await (await admin.patch(path, { jobs_per_minute: null })).json()).toMatchObject({
      jobs_per_minute: standard,
      route_ms: { value: 100 },
    })
    const { results } = (await (await admin.get("/admin/audit")).json()) as { results: object[] }
    expect(results[0]).toMatchObject({
      action: "limits",
      object_type: "plugin",
      object_id: "mine",
      changes: { before: { jobs_per_minute: 7, route_ms: 100 }, after: { route_ms: 100 } },
    })
  })

  test("what is no limit is refused, as is who is no admin, and a plugin that is not there", async () => {
    await using app = await openTestApp(await open())
    app.add({ id: "mine", name: "Mine", version: "1.0.0" })
    const admin = clientOf(app, (await app.login("admin", true)).headers)
    const ana = clientOf(app, (await app.login("ana")).headers)
    const problem = await readProblem(await admin.patch(path, { jobs_per_minute: 0, nonsense: 1, route_ms: "x" }))
    expect(problem).toMatchObject({ status: 422 })
    expect(problem.errors?.map(({ path }) => path).sort()).toEqual(["jobs_per_minute", "nonsense", "route_ms"])
    expect((await ana.get(path)).status).toBe(403)
    expect((await ana.patch(path, { route_ms: 1 })).status).toBe(403)
    expect((await admin.get("/admin/plugins/nobody/limits")).status).toBe(404)
  })
})
