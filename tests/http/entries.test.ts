import { expect, test } from "bun:test"
import { openTestApp } from "../support/app.ts"
import { eachDatabase, type OpenTestDatabase } from "../support/database.ts"

async function openAsked(open: OpenTestDatabase) {
  const app = await openTestApp(await open())
  const { headers, user } = await app.login("root", true)
  const ask = async (
    path: string,
    { method, body, ...more }: { method?: string; body?: unknown; [header: string]: unknown } = {},
  ) => {
    const response = await app.request(`/api/v2${path}`, {
      method: method ?? (body === undefined ? "GET" : "POST"),
      headers: { ...headers, ...(more as Record<string, string>) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return {
      status: response.status,
      type: response.headers.get("content-type"),
      body: text === "" ? undefined : JSON.parse(text),
    }
  }
  const attrs = [
    { name: "cpu", type: "number" },
    { name: "peer", type: "object" },
  ]
  const entity = (await ask("/entities", { body: { name: "Server", attrs } })).body
  return { ask, entity, user, [Symbol.asyncDispose]: () => app[Symbol.asyncDispose]() }
}

eachDatabase((_, open) => {
  test("an entry is made, read, changed, copied, deleted and restored over HTTP", async () => {
    await using asked = await openAsked(open)
    const { ask, entity, user } = asked
    const made = await ask(`/entities/${entity.id}/entries/`, { body: { name: "web01", attrs: { cpu: 4 } } })
    expect(made.status).toBe(201)
    expect(made.body).toEqual({
      id: expect.any(Number),
      entity: { id: entity.id, name: "Server" },
      name: "web01",
      attrs: { cpu: 4, peer: null },
      is_public: true,
      default_permission: "nothing",
      is_active: true,
      version: 1,
      created_by: user.id,
      created_at: expect.stringMatching(/Z$/),
      updated_by: user.id,
      updated_at: made.body.created_at,
    })
    const path = `/entries/${made.body.id}`
    expect(await ask(path)).toMatchObject({ status: 200, body: made.body })
    const changed = await ask(path, { method: "PATCH", body: { attrs: { peer: made.body.id } }, "if-match": '"1"' })
    expect(changed).toMatchObject({ status: 200, body: { version: 2, attrs: { cpu: 4, peer: made.body.id } } })
    const copies = await ask(`${path}/copy`, { body: { names: ["web02", "web03"] } })
    expect([copies.status, copies.body.map(({ name }: { name: string }) => name)]).toEqual([201, ["web02", "web03"]])
    const referrals = await ask(`${path}/referrals?limit=2`)
    expect(referrals.body).toMatchObject({
      count: 3,
      previous: null,
      next: `/api/v2${path}/referrals?limit=2&offset=2`,
    })
    expect(await ask(path, { method: "DELETE" })).toMatchObject({ status: 204, body: undefined })
    expect((await ask(path, { method: "DELETE" })).status).toBe(404)
    expect((await ask(path)).body.is_active).toBe(false)
    expect(await ask(`${path}/restore`, { method: "POST" })).toMatchObject({
      status: 200,
      body: { is_active: true, version: 4 },
    })
    const history = await ask(`${path}/history`)
    expect(history.body.results.map(({ action }: { action: string }) => action)).toEqual([
      "restore",
      "delete",
      "update",
      "create",
    ])
    expect(history.body.results[2]).toEqual({
      version: 2,
      action: "update",
      changes: [{ attribute_id: entity.attrs[1].id, name: "peer", old: null, new: made.body.id }],
      user: { id: user.id, username: "root" },
      created_at: changed.body.updated_at,
    })
  })

  test("every refusal is a problem document that says where", async () => {
    await using asked = await openAsked(open)
    const { ask, entity } = asked
    const entries = `/entities/${entity.id}/entries`
    const { body: made } = await ask(entries, { body: { name: "web01" } })
    const path = `/entries/${made.id}`
    const refused = async (...request: Parameters<typeof ask>) => {
      const { status, type, body } = await ask(...request)
      expect(type).toBe("application/problem+json")
      return [
        status,
        body.code,
        (body.errors ?? []).map(({ path, code }: { path: string; code: string }) => `${path} ${code}`),
      ]
    }
    expect(await refused(entries, { body: { name: "web01" } })).toEqual([409, "NAME_TAKEN", ["name NAME_TAKEN"]])
    expect(await refused(entries, { body: { name: 1, attrs: { cpu: "x" }, is_public: false } })).toEqual([
      422,
      "VALIDATION_FAILED",
      ["is_public FIELD_UNKNOWN", "name NAME_INVALID", "attrs.cpu NUMBER"],
    ])
    expect(await refused(entries, { body: [] })).toEqual([422, "VALIDATION_FAILED", [" OBJECT", "name NAME_MISSING"]])
    expect(await refused(entries, { method: "POST" })).toEqual([
      422,
      "VALIDATION_FAILED",
      [" OBJECT", "name NAME_MISSING"],
    ])
    expect(await refused(path, { method: "PATCH", body: { attrs: { cpu: 1 } }, "if-match": "2" })).toEqual([
      412,
      "VERSION_STALE",
      [],
    ])
    expect(await refused(path, { method: "PATCH", body: {}, "if-match": "latest" })).toEqual([
      422,
      "VALIDATION_FAILED",
      ["if-match STRING_PATTERN"],
    ])
    expect(await refused(`${path}/restore`, { method: "POST" })).toEqual([409, "CONFLICT", []])
    expect(await refused(`${path}/copy`, { body: { names: "web02" } })).toEqual([
      422,
      "VALIDATION_FAILED",
      ["names NAMES_INVALID"],
    ])
    expect(await refused("/entries/999")).toEqual([404, "NOT_FOUND", []])
    expect(await refused("/entities/999/entries", { body: { name: "x" } })).toEqual([404, "NOT_FOUND", []])
    expect(await refused(`${path}/history?limit=0`)).toEqual([422, "VALIDATION_FAILED", ["limit INTEGER_MINIMUM"]])
  })
})
