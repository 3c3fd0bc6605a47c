import { expect, test } from "bun:test"
import type { User } from "@pagoda/sdk"
import type { PagodaError } from "../../src/errors.ts"
import { createCurrentUser } from "../../src/transfer/current-user.ts"
import { rootUser } from "../support/core.ts"
import { eachDatabase, type OpenTestDatabase } from "../support/database.ts"
import { openTestTransfer } from "../support/transfer.ts"

const closed = { is_public: false, default_permission: "nothing", roles: [] }

async function openServers(open: OpenTestDatabase, count: number) {
  const transfer = openTestTransfer(await open())
  const { core } = transfer
  const attrs = [
    { name: "cpu", type: "number" },
    { name: "secret", type: "string" },
  ]
  const entity = await core.entities.create(rootUser, { name: "Server", attrs })
  const ids: number[] = []
  for (let at = 0; at < count; at++) {
    const entry = { name: `web${at}`, attrs: { cpu: at, secret: `s${at}` } }
    ids.push((await core.entries.create(rootUser, entity.id, entry)).id)
  }
  return { ...transfer, entity, ids }
}

eachDatabase((_dialect, open) => {
  test("an export has every active entry by id, over all pages, and says what it is", async () => {
    const { export: run, core, entity, ids } = await openServers(open, 70)
    await core.entries.delete(rootUser, ids[5]!)
    await core.entries.update(rootUser, ids[6]!, { name: "aaa" })
    const { file, result, messages, content_type, file_name } = await run(entity, "json")
    const left = ids.filter((_, at) => at !== 5)
    expect(JSON.parse(file).map(({ id }: { id: number }) => id)).toEqual(left)
    expect(JSON.parse(file)[5]).toEqual({ id: ids[6], name: "aaa", attrs: { cpu: 6, secret: "s6" } })
    expect(result).toEqual({ entries: 69 })
    expect(messages.slice(-1)).toEqual(["69 entries"])
    expect(messages.length).toBeGreaterThan(3)
    expect({ content_type, file_name }).toEqual({ content_type: "application/json", file_name: "Server.json" })
    const csv = await run(entity, "csv")
    expect(csv.file.split("\r\n").slice(0, 2)).toEqual(["\uFEFFid,name,cpu,secret", `${ids[0]},web0,0,s0`])
    expect(csv).toMatchObject({ content_type: "text/csv; charset=utf-8", file_name: "Server.csv" })
  })

  test("an entity without entries makes a file without rows", async () => {
    const { export: run, entity } = await openServers(open, 0)
    expect((await run(entity, "json")).file).toBe("[\n]\n")
    expect((await run(entity, "csv")).file).toBe("\uFEFFid,name,cpu,secret\r\n")
  })

  test("what the user may not read is not in his export: attributes, entries, the entity", async () => {
    const { export: run, core, entity, ids } = await openServers(open, 3)
    const alice = core.person("alice")
    await core.acls.set(rootUser, "attribute", entity.attrs[1]!.id, closed)
    await core.acls.set(rootUser, "entry", ids[1]!, closed)
    const { file } = await run(entity, "csv", { user: alice })
    expect(file).toBe(`\uFEFFid,name,cpu\r\n${ids[0]},web0,0\r\n${ids[2]},web2,2\r\n`)
    expect((await run(entity, "csv", { user: core.person("bob", { is_readonly: true }) })).file).toBe(file)

    await core.acls.set(rootUser, "entity", entity.id, closed)
    const { error } = await run(entity, "csv", { user: alice })
    expect((error as PagodaError).code).toBe("NOT_FOUND")
  })

  test("an export ends where its user loses access, and where what he may read changes", async () => {
    const { export: run, core, entity } = await openServers(open, 40)
    const alice = core.person("alice")
    const codeOf = async (change: () => Promise<unknown>) => {
      let changed = false
      const onProgress = async () => {
        if (!changed) await change()
        changed = true
      }
      const { error } = await run(entity, "csv", { user: alice, onProgress })
      return (error as PagodaError).code
    }
    const [, secret] = entity.attrs
    expect(await codeOf(() => core.acls.set(rootUser, "attribute", secret!.id, closed))).toBe("CONFLICT")
    expect(await codeOf(() => core.acls.set(rootUser, "entity", entity.id, closed))).toBe("NOT_FOUND")
  })

  test("an export that is told to end ends", async () => {
    const { export: run, entity } = await openServers(open, 40)
    const controller = new AbortController()
    const onProgress = () => controller.abort()
    const { error, messages } = await run(entity, "csv", { signal: controller.signal, onProgress })
    expect(error).toBe(controller.signal.reason)
    expect(messages).toEqual(["10 entries"])
  })
})

test("who is not active any more has no rights left, however old his job is", async () => {
  let found: User | null = rootUser
  const currentUser = createCurrentUser({ get: async () => found }, rootUser, 0)
  expect(await currentUser()).toBe(rootUser)
  for (const gone of [{ ...rootUser, is_active: false }, null]) {
    found = gone
    await expect(currentUser()).rejects.toMatchObject({ code: "FORBIDDEN" })
  }
})
