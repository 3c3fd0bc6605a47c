import { expect, test } from "bun:test"
import type { PagodaError } from "../../src/errors.ts"
import { rootUser } from "../support/core.ts"
import { eachDatabase, type OpenTestDatabase } from "../support/database.ts"
import { openTestTransfer } from "../support/transfer.ts"

async function openServers(open: OpenTestDatabase) {
  const database = await open()
  const transfer = openTestTransfer(database)
  const attrs = [
    { name: "cpu", type: "number", is_mandatory: true },
    { name: "state", type: "string", default_value: "planned" },
    { name: "rack", type: "object" },
  ]
  const { core } = transfer
  const entity = await core.entities.create(rootUser, { name: "Server", attrs })
  const make = (name: string, cpu = 1) => core.entries.create(rootUser, entity.id, { name, attrs: { cpu } })
  return {
    ...transfer,
    database,
    entity,
    make,
    versions: () => core.entryLists.list(rootUser, { entity: entity.id, ordering: "id" }),
  }
}

const closed = { is_public: false, default_permission: "nothing", roles: [] }

/** Rows without an id, named `row1` and so on. */
function toRows(count: number): string {
  return `name,cpu\n${Array.from({ length: count }, (_, at) => `row${at + 1},${at}`).join("\n")}`
}

eachDatabase((_dialect, open) => {
  test("rows with an id change entries, rows without make some, equal ones do nothing", async () => {
    const { import: run, entity, make, entries } = await openServers(open)
    const [one, two] = [await make("one"), await make("two", 2)]
    const file = `id,name,cpu,rack\n${one.id},uno,1,\n${two.id},two,2,\n,three,3,${one.id}\n`
    const { result, messages, isWarning } = await run(entity, "csv", file)
    expect(result).toEqual({ created: 1, updated: 1, unchanged: 1, failed: 0, errors: [] })
    expect(isWarning).toBe(false)
    expect(messages.at(-1)).toBe("3 rows: 1 created, 1 updated, 1 unchanged, 0 failed")
    expect(await entries(entity)).toEqual({
      uno: { cpu: 1, state: "planned", rack: null },
      two: { cpu: 2, state: "planned", rack: null },
      three: { cpu: 3, state: "planned", rack: one.id },
    })
  })

  test("a column that is left out keeps what is there, or becomes the default", async () => {
    const { import: run, entity, make, entries } = await openServers(open)
    const { id } = await make("one", 5)
    expect((await run(entity, "csv", `id,state\n${id},live\n`)).result).toMatchObject({ updated: 1, failed: 0 })
    expect((await run(entity, "json", '[{"name": "two", "attrs": {"cpu": 1}}]')).result).toMatchObject({ created: 1 })
    expect(await entries(entity)).toEqual({
      one: { cpu: 5, state: "live", rack: null },
      two: { cpu: 1, state: "planned", rack: null },
    })
  })

  test("rows that do not fit are told with all of their problems, and the others are kept", async () => {
    const { import: run, core, entity, make, entries } = await openServers(open)
    const { id } = await make("taken")
    const other = await core.entities.create(rootUser, { name: "Other" })
    const foreign = await core.entries.create(rootUser, other.id, { name: "foreign" })
    const rows = [
      { name: "good", attrs: { cpu: 1 } },
      { name: "", attrs: { cpu: "many", rack: 99_999, disk: 1 } },
      { name: "taken", attrs: { cpu: 1 } },
      { id: foreign.id, name: "stolen" },
      { id: "x" },
      { id: 99_999 },
      { id, attrs: { cpu: null } },
      { name: "odd", owner: 1, attrs: { cpu: 1 } },
      7,
      { id, attrs: { cpu: 8 } },
    ]
    const { result, isWarning, logged } = await run(entity, "json", JSON.stringify(rows))
    expect(result).toMatchObject({ created: 1, updated: 1, unchanged: 0, failed: 8 })
    expect(isWarning).toBe(true)
    expect(result!.errors.map(({ row, path, code }) => [row, path, code])).toEqual([
      [2, "name", "NAME_MISSING"],
      [2, "attrs.disk", "ATTRIBUTE_UNKNOWN"],
      [2, "attrs.cpu", "NUMBER"],
      [2, "attrs.rack", "REFERENCE_MISSING"],
      [3, "name", "NAME_TAKEN"],
      [4, "id", "REFERENCE_MISSING"],
      [5, "id", "REFERENCE"],
      [6, "id", "REFERENCE_MISSING"],
      [7, "attrs.cpu", "MANDATORY"],
      [8, "owner", "FIELD_UNKNOWN"],
      [9, "", "OBJECT"],
    ])
    expect(logged).toEqual(result!.errors.map(({ message }) => message))
    expect(Object.keys(await entries(entity)).toSorted()).toEqual(["good", "taken"])
  })

  test("a file that breaks off is a row that failed after those that are kept", async () => {
    const { import: run, entity, entries } = await openServers(open)
    const csv = await run(entity, "csv", 'name,cpu\na,1\n"b,2\n')
    expect(csv).toMatchObject({ isWarning: true, result: { created: 1, failed: 1 } })
    const json = await run(entity, "json", '[{"name": "b", "attrs": {"cpu": 1}}, {"name": ')
    expect(json).toMatchObject({ isWarning: true, result: { created: 1, failed: 1, errors: [{ row: 2, path: "" }] } })
    expect(Object.keys(await entries(entity)).toSorted()).toEqual(["a", "b"])
  })

  test.each([
    ["csv", "cpu\n1\n", /row 1: there is no column "id"/],
    ["csv", "name,disk\na,1\n", /row 1: disk: the entity has no attribute "disk"/],
    ["json", '{"name": "a"}', /row 1: Cannot read the file: it begins with "{"/],
    ["json", "[1, 2]", /row 1: this is 1, wanted an object; row 2/],
  ] as const)("a %s file of which nothing is of any use ends in an error: %j", async (format, file, message) => {
    const { import: run, entity } = await openServers(open)
    const { error, result } = await run(entity, format, file)
    expect(result).toBeUndefined()
    expect(error).toMatchObject({ code: "IMPORT_INVALID", message: expect.stringMatching(message) })
  })

  test("a file without rows does nothing", async () => {
    const { import: run, entity } = await openServers(open)
    const nothing = { created: 0, updated: 0, unchanged: 0, failed: 0, errors: [] }
    expect(await run(entity, "csv", "name,cpu\n")).toMatchObject({ result: nothing, isWarning: false })
    expect(await run(entity, "json", "[]")).toMatchObject({ result: nothing, isWarning: false })
  })

  test("a file that is long and has hardly a row in it keeps nobody waiting", async () => {
    const { receive, entity } = await openServers(open)
    let turns = 0
    let isOver = false
    const turn = () => {
      turns++
      if (!isOver) setImmediate(turn)
    }
    setImmediate(turn)
    const blank = " \n".repeat(4 * 1024 * 1024)
    for (const [format, file] of [
      ["csv", `name,cpu\n${blank.replaceAll(" ", "")}web01,1\n`],
      ["json", `[${blank}]`],
    ] as const) {
      const job = await receive(entity, format, file)
      const before = turns
      expect((await job.import()).result).toMatchObject({ failed: 0 })
      // none without a pause; how many with one depends on the machine
      expect(turns - before).toBeGreaterThan(5)
    }
    isOver = true
  })

  test("a row with more attrs than any entity has is refused before each of them is looked at", async () => {
    const { import: run, entity } = await openServers(open)
    const attrs = Object.fromEntries(Array.from({ length: 10_001 }, (_, at) => [`a${at}`, 1]))
    const { result } = await run(
      entity,
      "json",
      JSON.stringify([
        { name: "a", attrs },
        { name: "b", attrs: { cpu: 1 } },
      ]),
    )
    const error = { row: 1, path: "attrs", message: "it has more than 10000 attrs" }
    expect(result).toMatchObject({ created: 1, failed: 1, errors: [error] })
  })

  test("a thousand errors are kept of more", async () => {
    const { import: run, entity } = await openServers(open)
    const bad = JSON.stringify([{ name: "good", attrs: { cpu: 1 } }, ...Array(1_100).fill({ name: "bad" })])
    const { result } = await run(entity, "json", bad)
    expect(result).toMatchObject({ created: 1, failed: 1_100 })
    expect(result!.errors).toHaveLength(1_000)
  })

  test("a try after one that ended in the middle goes on behind the last row", async () => {
    const { receive, entity, versions } = await openServers(open)
    const job = await receive(entity, "csv", toRows(30))
    for (const rows of [10, 20]) {
      const controller = new AbortController()
      const onProgress = (message: string) => message.startsWith(`${rows} rows`) && controller.abort()
      const { error, messages } = await job.import({ signal: controller.signal, onProgress })
      expect(error).toBe(controller.signal.reason)
      expect(messages.at(-1)).toBe(`${rows} rows: ${rows} created, 0 updated, 0 unchanged, 0 failed`)
      expect((await versions()).count).toBe(rows)
    }
    const { result, messages } = await job.import()
    expect(result).toEqual({ created: 30, updated: 0, unchanged: 0, failed: 0, errors: [] })
    expect(messages).toHaveLength(10)
    expect((await versions()).count).toBe(30)
  })

  test("one that was finished says so again after its process died, and is done anew when it is run again", async () => {
    const { receive, entity, make, core } = await openServers(open)
    await make("row2")
    const job = await receive(entity, "csv", toRows(3))
    const first = await job.import()
    expect(first).toMatchObject({ isWarning: true, result: { created: 2, failed: 1 } })
    await job.interrupt()
    expect(await job.import()).toMatchObject({ isWarning: true, result: first.result })

    for (const { id } of (await core.entryLists.list(rootUser, { entity: entity.id })).results) {
      await core.entries.delete(rootUser, id)
    }
    const again = await job.import()
    expect(again).toMatchObject({ isWarning: false, result: { created: 3, failed: 0, errors: [] } })
  })

  test("a try that was taken to be dead writes nothing once another goes on", async () => {
    const { receive, entity, versions } = await openServers(open)
    const job = await receive(entity, "csv", toRows(20))
    let second: ReturnType<typeof job.import> | undefined
    const first = await job.import({
      onProgress(message) {
        if (!message.startsWith("5 rows")) return
        second = job.import()
        return second
      },
    })
    expect(first.error).toMatchObject({ name: "ImportLost" })
    expect(await second).toMatchObject({ result: { created: 20, failed: 0 } })
    expect((await versions()).count).toBe(20)
    expect((await versions()).results.every(({ version }) => version === 1)).toBe(true)
  })

  test("an import writes with the access of its user, row by row", async () => {
    const { import: run, core, entity, make } = await openServers(open)
    const alice = core.person("alice")
    const [mine, theirs] = [await make("mine"), await make("theirs")]
    await core.acls.set(rootUser, "entry", theirs.id, closed)
    await core.acls.set(rootUser, "attribute", entity.attrs[1]!.id, closed)
    const file = `id,cpu\n${mine.id},7\n${theirs.id},7\n`
    const { result } = await run(entity, "csv", file, { user: alice })
    expect(result).toMatchObject({ updated: 1, failed: 1, errors: [{ row: 2, path: "id", code: "REFERENCE_MISSING" }] })
    const hidden = await run(entity, "csv", `id,state\n${mine.id},live\n`, { user: alice })
    expect((hidden.error as PagodaError).message).toContain('the entity has no attribute "state"')

    const readonly = await run(entity, "csv", file, { user: core.person("bob", { is_readonly: true }) })
    expect(readonly.error).toMatchObject({ code: "FORBIDDEN" })
    await core.acls.set(rootUser, "entity", entity.id, closed)
    expect((await run(entity, "csv", file, { user: alice })).error).toMatchObject({ code: "NOT_FOUND" })
  })

  test("hooks run for each row, and what one vetoes is an error of that row", async () => {
    const { import: run, core, entity } = await openServers(open)
    const after: unknown[] = []
    const hook = {
      plugin: "guard",
      position: 0,
      priority: 100,
      durable: false,
      timeout_ms: 1000,
      on_error: "skip",
    } as const
    core.hooks.register({
      ...hook,
      name: "entry.validate",
      run: ({ data }: any) => {
        if (data.name === "bad")
          throw Object.assign(new Error("no bad ones"), { name: "PluginValidationError", code: "REJECTED" })
      },
    })
    core.hooks.register({ ...hook, name: "entry.after_create", run: ({ entry }: any) => void after.push(entry.name) })
    const { result } = await run(entity, "csv", "name,cpu\ngood,1\nbad,2\nbetter,3\n")
    expect(result).toMatchObject({
      created: 2,
      failed: 1,
      errors: [{ row: 2, message: expect.stringContaining("no bad ones") }],
    })
    expect(after).toEqual(["good", "better"])
  })

  test.each([
    ["is empty", ""],
    ["is no UTF-8", new Uint8Array([0x6e, 0xff, 0xfe])],
    ["has a NUL", "name\na\0b"],
  ])("a file that %s is refused before it has a job, and nothing is kept", async (_what, file) => {
    const { receive, entity, database } = await openServers(open)
    await expect(receive(entity, "csv", file)).rejects.toMatchObject({
      code: "VALIDATION_FAILED",
      issues: [{ code: "ENCODING" }],
    })
    const { job_import, job_import_part } = database.tables
    expect(await database.db.select().from(job_import)).toEqual([])
    expect(await database.db.select().from(job_import_part)).toEqual([])
  })

  test("a long file is kept in pieces that cut no character in two, and goes with its job", async () => {
    const { receive, imports, entity, database } = await openServers(open)
    const text = `name\n${"aé🐘".repeat(50_000)}`
    const { id } = await receive(entity, "csv", text)
    const { job, job_import, job_import_part } = database.tables
    const { db } = database
    const [kept] = await db.select().from(job_import)
    await imports.assign(kept!.id, id)
    let read = ""
    for await (const piece of imports.open(kept!.id).pieces()) {
      expect(piece.isWellFormed()).toBe(true)
      read += piece
    }
    expect(read).toBe(text)
    expect(kept!.size).toBe(text.length)
    expect((await db.select().from(job_import_part)).length).toBeGreaterThan(2)
    await db.delete(job)
    expect(await db.select().from(job_import_part)).toEqual([])
  })
})
