import { expect, test } from "bun:test"
import { openTestCore, openTestCores, rootUser, type TestCore } from "../support/core.ts"
import { eachDatabase } from "../support/database.ts"

const entity = (core: TestCore, name = "Server") => core.entities.create(rootUser, { name })
const retrieve = (id: number, name = "Server") =>
  ({ user: rootUser, entity: { id, name }, operation: "retrieve" }) as const

eachDatabase((dialect, open) => {
  test("a bound operation is the plugin's while it is registered, with what it was bound with", async () => {
    const { overrides, ...core } = openTestCore(await open())
    const { id } = await core.entities.create(rootUser, { name: "Server" })
    expect(overrides.has("retrieve")).toBe(false)
    await overrides.bind(rootUser, id, { plugin: "p", operations: ["retrieve"], params: { a: [1, null] } })
    expect(await overrides.run(retrieve(id))).toBeUndefined()
    expect(await overrides.isBound("retrieve", { entity: id })).toBe(false)

    const leave = overrides.register("p", "retrieve", (call) => ({ told: call }))
    expect(await overrides.run(retrieve(id))).toEqual({
      plugin: "p",
      answer: { told: { ...retrieve(id), params: { a: [1, null] } } },
    })
    expect(await overrides.isBound("retrieve", { entity: id })).toBe(true)
    const { id: other } = await core.entities.create(rootUser, { name: "Other" })
    expect(await overrides.run(retrieve(other))).toBeUndefined()
    leave()
    expect(await overrides.run(retrieve(id))).toBeUndefined()
  })

  test("binding again replaces what that plugin had, and no other's", async () => {
    const core = openTestCore(await open())
    const { id } = await entity(core)
    const { overrides } = core
    await overrides.bind(rootUser, id, { plugin: "b", operations: ["list", "create"], params: { v: 1 } })
    await overrides.bind(rootUser, id, { plugin: "a", operations: ["update"] })
    await overrides.bind(rootUser, id, { plugin: "b", operations: ["delete", "list"], params: { v: 2 } })
    expect(await overrides.list(rootUser, id)).toEqual([
      { plugin: "a", operations: ["update"], params: {} },
      { plugin: "b", operations: ["delete", "list"], params: { v: 2 } },
    ])
    await overrides.unbind(rootUser, id, "a")
    await expect(overrides.unbind(rootUser, id, "a")).rejects.toMatchObject({ code: "NOT_FOUND" })
    expect(await overrides.list(rootUser, id)).toHaveLength(1)
  })

  test("a conflict names entity, operation and both plugins, and binds nothing", async () => {
    const core = openTestCore(await open())
    const { id } = await entity(core)
    const { overrides } = core
    await overrides.bind(rootUser, id, { plugin: "a", operations: ["create"] })
    const error = await overrides.bind(rootUser, id, { plugin: "b", operations: ["list", "create"] }).catch((e) => e)
    expect(error).toMatchObject({ code: "OVERRIDE_CONFLICT", status: 409, issues: [{ path: "operations.1" }] })
    for (const word of ['"Server"', '"create"', '"a"', '"b"']) expect(error.message).toContain(word)
    expect(await overrides.list(rootUser, id)).toHaveLength(1)
  })

  test("of two replicas that bind one operation at once, one does", async () => {
    const [one, other] = await openTestCores(dialect, open)
    const { id } = await entity(one)
    for (let round = 0; round < 10; round++) {
      const tries = [
        one.overrides.bind(rootUser, id, { plugin: "a", operations: ["create", "list"] }),
        other.overrides.bind(rootUser, id, { plugin: "b", operations: ["list", "create"] }),
      ]
      const results = await Promise.allSettled(tries)
      const failed = results.flatMap((result) => (result.status === "rejected" ? [result.reason.code] : []))
      expect(failed).toEqual(["OVERRIDE_CONFLICT"])
      expect(await other.overrides.list(rootUser, id)).toHaveLength(1)
      await one.overrides.unbind(rootUser, id)
    }
  })

  test("another replica takes over a binding with its next request", async () => {
    const [one, other] = await openTestCores(dialect, open)
    const { id } = await entity(one)
    other.overrides.register("p", "retrieve", () => "mine")
    expect(await other.overrides.run(retrieve(id))).toBeUndefined()
    await one.overrides.bind(rootUser, id, { plugin: "p", operations: ["retrieve"] })
    expect(await other.overrides.run(retrieve(id))).toMatchObject({ answer: "mine" })
  })

  test("only an admin who may write binds, and only entities that are there", async () => {
    const core = openTestCore(await open())
    const { id } = await entity(core)
    const { overrides } = core
    const body = { plugin: "p", operations: ["list"] }
    await expect(overrides.bind(core.person("alice"), id, body)).rejects.toMatchObject({ code: "FORBIDDEN" })
    const reader = { ...rootUser, is_readonly: true }
    await expect(overrides.bind(reader, id, body)).rejects.toMatchObject({ code: "FORBIDDEN" })
    await expect(overrides.list(core.person("alice"), id)).rejects.toMatchObject({ code: "FORBIDDEN" })
    await expect(overrides.bind(rootUser, id + 1, body)).rejects.toMatchObject({ code: "NOT_FOUND" })
    await core.entities.delete(rootUser, id)
    await expect(overrides.bind(rootUser, id, body)).rejects.toMatchObject({ code: "NOT_FOUND" })
  })
})
