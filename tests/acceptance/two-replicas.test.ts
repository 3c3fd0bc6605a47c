import { afterAll, beforeAll, expect, test } from "bun:test"
import { makeFolder, removeFolders } from "../support/folder.ts"
import { startTestHost, type TestHost } from "../support/host.ts"
import { createPostgresDatabase, type PostgresDatabase } from "../support/postgres.ts"

let postgres: PostgresDatabase
let replicas: TestHost[] = []

beforeAll(async () => {
  postgres = await createPostgresDatabase()
  const env = { DATABASE_URL: postgres.url, PAGODA_SECRET_KEY: "a key that two replicas share, long enough" }
  // the first makes the schema and the admin
  for (let at = 0; at < 2; at++) replicas.push(await startTestHost({ cwd: await makeFolder(), env }))
}, 60_000)

afterAll(async () => {
  await Promise.all(replicas.map((host) => host.stop()))
  replicas = []
  await postgres.drop()
  await removeFolders()
})

test("of two processes that make the same name a hundred times at once one wins each time", async () => {
  const [first, second] = replicas as [TestHost, TestHost]
  const { body: entity } = await first.ask("/api/v2/entities", { body: { name: "Server" } })
  const path = `/api/v2/entities/${entity.id}/entries`
  let last = 0
  for (let round = 0; round < 100; round++) {
    const name = `web${round}`
    const hosts = [first, second, first, second]
    const answers = await Promise.all(hosts.map((host) => host.ask(path, { body: { name } })))
    const statuses = answers.map(({ status }) => status).sort()
    expect(statuses).toEqual([201, 409, 409, 409])
    last = answers.find(({ status }) => status === 201)?.body.id
    for (const { status, body } of answers)
      if (status === 409) expect(body.errors[0]).toMatchObject({ path: "name", code: "NAME_TAKEN" })
  }
  const { body: history } = await second.ask(`/api/v2/entries/${last}/history`)
  expect(history).toMatchObject({ count: 1 })
}, 60_000)

test("an entity that is changed through one replica is the other's at once", async () => {
  const [first, second] = replicas as [TestHost, TestHost]
  const { body: entity } = await first.ask("/api/v2/entities", { body: { name: "Rack" } })
  const path = `/api/v2/entities/${entity.id}`
  const { body: before } = await second.ask(`${path}/entries`, { body: { name: "one" } })
  expect(before.attrs).toEqual({})
  await first.ask(path, { method: "PATCH", body: { attrs: [{ name: "height", type: "number" }] } })
  const made = await second.ask(`${path}/entries`, { body: { name: "two", attrs: { height: 42 } } })
  expect([made.status, made.body.attrs]).toEqual([201, { height: 42 }])
  expect((await second.ask(`/api/v2/entries/${before.id}`)).body.attrs).toEqual({ height: null })
})
