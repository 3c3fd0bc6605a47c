import { afterAll, expect, test } from "bun:test"
import { join } from "node:path"
import type { HookCall } from "../../src/core/hooks.ts"
import type { Database } from "../../src/db/database.ts"
import { eachDatabase } from "../support/database.ts"
import { removeFolders } from "../support/folder.ts"
import { openTestHooks, toTestHook, until } from "../support/hooks.ts"
import { alice } from "../support/jobs.ts"

const call: HookCall = { user: alice, entity: { id: 1, name: "Server" } }
const durable = { durable: true }

afterAll(removeFolders)

async function write(database: Database, { hooks }: ReturnType<typeof openTestHooks>, data: HookCall = call) {
  await database.transaction((handle) => hooks.enqueue(handle, "entry.after_create", data))
  await hooks.after("entry.after_create", data)
}

const waiting = ({ db, tables }: Database) => db.select().from(tables.hook_delivery)

eachDatabase((dialect, open) => {
  test("a durable handler is told after the commit, once, with who caused it", async () => {
    const database = await open()
    const opened = openTestHooks(database)
    const told: unknown[] = []
    opened.hooks.register(toTestHook("entry.after_create", (one) => void told.push(one), durable))
    await opened.hooks.start()
    await write(database, opened, { ...call, entry: { id: 7, name: "\0 \ud800 ü" } as never })
    await until(async () => (await waiting(database)).length === 0)
    expect(told).toEqual([{ ...call, entry: { id: 7, name: "\0 \ud800 ü" } }])
    expect(opened.hooks.counts()).toMatchObject([{ calls: 1, failures: 0 }])
    await opened.hooks.close()
  })

  test("nothing is delivered of a write that was rolled back", async () => {
    const database = await open()
    const { hooks } = openTestHooks(database)
    hooks.register(toTestHook("entry.after_create", () => {}, durable))
    const undone = database.transaction(async (handle) => {
      await hooks.enqueue(handle, "entry.after_create", call)
      throw new Error("undone")
    })
    await expect(undone).rejects.toThrow("undone")
    expect(await waiting(database)).toEqual([])
    await hooks.close()
  })

  test("one that fails is told again, later", async () => {
    const database = await open()
    const opened = openTestHooks(database)
    let calls = 0
    const run = () => {
      if (++calls === 1) throw new Error("not yet")
    }
    opened.hooks.register(toTestHook("entry.after_create", run, durable))
    await opened.hooks.start()
    const before = Date.now()
    await write(database, opened)
    await until(async () => (await waiting(database)).length === 0)
    expect(calls).toBe(2)
    expect(Date.now() - before).toBeGreaterThanOrEqual(900)
    expect(opened.hooks.counts()).toMatchObject([{ calls: 2, failures: 1 }])
    await opened.hooks.close()
  })

  test("a plugin's deliveries wait until it is there, and go to its hook of that place", async () => {
    const place = await open.place()
    const database = await open({ place })
    const first = openTestHooks(database)
    const leave = first.hooks.register(toTestHook("entry.after_create", () => {}, { ...durable, position: 1 }))
    await write(database, first)
    leave()
    await first.hooks.start()
    await first.hooks.close()
    expect(await waiting(database)).toHaveLength(1)

    const { hooks } = openTestHooks(database)
    const told: string[] = []
    await hooks.start()
    for (const position of [0, 1]) {
      hooks.register(toTestHook("entry.after_create", () => void told.push(`p${position}`), { ...durable, position }))
    }
    await until(async () => (await waiting(database)).length === 0)
    expect(told).toEqual(["p1"])
    await hooks.close()
  })

  test("what a plugin's new version does not listen to any more is dropped, and said", async () => {
    const database = await open()
    const { hooks } = openTestHooks(database)
    const leave = hooks.register(toTestHook("entry.after_create", () => {}, { ...durable, position: 3 }))
    await database.transaction((handle) => hooks.enqueue(handle, "entry.after_create", call))
    leave()
    await hooks.close()
    const next = openTestHooks(database)
    next.hooks.register(toTestHook("entry.after_create", () => {}, durable))
    await next.hooks.start()
    await until(async () => (await waiting(database)).length === 0)
    expect(next.lines.some((line) => line.includes("any more"))).toBe(true)
    await next.hooks.close()
  })

  test("somebody who is gone has no rights when his write is delivered", async () => {
    const database = await open()
    const opened = openTestHooks(database)
    let told: HookCall | undefined
    opened.hooks.register(
      toTestHook(
        "entry.after_create",
        (one) => {
          told = one as HookCall
        },
        durable,
      ),
    )
    await opened.hooks.start()
    await write(database, opened, { ...call, user: { ...alice, id: "gone", is_admin: true } })
    await until(() => told !== undefined)
    expect(told?.user).toMatchObject({ id: "gone", is_admin: false, is_active: false })
    await opened.hooks.close()
  })

  test("closing waits for what is under way", async () => {
    const database = await open()
    const opened = openTestHooks(database)
    const started = Promise.withResolvers<void>()
    const finish = Promise.withResolvers<void>()
    const run = () => {
      started.resolve()
      return finish.promise
    }
    opened.hooks.register(toTestHook("entry.after_create", run, durable))
    await opened.hooks.start()
    await write(database, opened)
    await started.promise
    const closing = opened.hooks.close()
    finish.resolve()
    await closing
    expect(await waiting(database)).toEqual([])
  })

  test("a process that is killed between commit and delivery, or in mid-delivery, loses nothing", async () => {
    const place = await open.place()
    const database = await open({ place })
    for (const when of ["after-commit", "in-delivery"]) {
      const killed = spawn(place, when)
      await killed.exited
      expect(killed.signalCode).toBe("SIGKILL")
    }
    expect(await waiting(database)).toHaveLength(2)
    const next = spawn(place, "deliver")
    expect(await next.stdout.text()).toBe("told after-commit\ntold in-delivery\n")
    expect(await next.exited).toBe(0)
    expect(await waiting(database)).toEqual([])
  }, 30_000)

  if (dialect === "postgres") {
    test("two replicas share the deliveries, and neither gets one that the other has", async () => {
      const place = await open.place()
      const told: number[] = []
      const replicas = []
      for (let replica = 0; replica < 2; replica++) {
        const database = await open({ place, migrate: replica === 0 })
        const opened = openTestHooks(database)
        const run = async (one: unknown) => {
          await Bun.sleep(1)
          told.push((one as { entry: { id: number } }).entry.id)
        }
        opened.hooks.register(toTestHook("entry.after_create", run, durable))
        replicas.push({ database, ...opened })
      }
      const [one, other] = replicas as [(typeof replicas)[0], (typeof replicas)[0]]
      const ids = Array.from({ length: 40 }, (_, id) => id)
      for (const id of ids) {
        await one.database.transaction((handle) =>
          one.hooks.enqueue(handle, "entry.after_create", { ...call, entry: { id } as never }),
        )
      }
      await Promise.all([one.hooks.start(), other.hooks.start()])
      await until(async () => (await waiting(one.database)).length === 0)
      expect(told.sort((a, b) => a - b)).toEqual(ids)
      const counts = replicas.map(({ hooks }) => hooks.counts()[0]?.calls ?? 0)
      expect(counts.every((count) => count > 0)).toBe(true)
      await Promise.all([one.hooks.close(), other.hooks.close()])
    })
  }
})

function spawn(place: object, when: string) {
  const file = join(import.meta.dir, "../support/hooks-process.ts")
  return Bun.spawn([process.execPath, file, JSON.stringify(place), when], { stdout: "pipe", stderr: "inherit" })
}
