import { expect, test } from "bun:test"
import { sql } from "drizzle-orm"
import type { Signals } from "../../src/db/signals.ts"
import { eachDatabase } from "../support/database.ts"

/** What a listener was told, to wait for. */
function listen(signals: Signals, channel: string) {
  const told: (string | null)[] = []
  let wake = () => {}
  const undo = signals.subscribe(channel, (payload) => {
    told.push(payload)
    wake()
  })
  const until = async (isEnough: () => boolean) => {
    while (!isEnough()) await new Promise<void>((resolve) => (wake = resolve))
  }
  return { told, undo, until, payloads: () => told.filter((payload) => payload !== null) }
}

eachDatabase((dialect, open) => {
  /** Postgres listens only once it is connected, and says so. */
  const listenFully = async (signals: Signals, channel: string) => {
    const listener = listen(signals, channel)
    if (dialect === "postgres") await listener.until(() => listener.told.includes(null))
    return listener
  }

  test("what is published is told to who subscribed to the channel, and to no other", async () => {
    const { signals } = await open()
    const jobs = await listenFully(signals, "jobs")
    const plugins = await listenFully(signals, "plugins")
    await signals.publish("plugins", "on hello world")
    await signals.publish("jobs", "1 2 ü")
    await jobs.until(() => jobs.payloads().length === 1)
    await plugins.until(() => plugins.payloads().length === 1)
    expect([jobs.payloads(), plugins.payloads()]).toEqual([["1 2 ü"], ["on hello world"]])
  })

  test("within a transaction it is told after the commit, and never after a rollback", async () => {
    const { signals, transaction } = await open()
    const jobs = await listenFully(signals, "jobs")
    await transaction(async (handle) => {
      await signals.publish("jobs", "kept", handle)
      await handle.transaction(async (nested) => signals.publish("jobs", "nested", nested))
      expect(jobs.payloads()).toEqual([])
    })
    const rolledBack = transaction(async (handle) => {
      await signals.publish("jobs", "dropped", handle)
      throw new Error("no")
    })
    await expect(rolledBack).rejects.toThrow("no")
    await signals.publish("jobs", "last")
    await jobs.until(() => jobs.payloads().includes("last"))
    expect(jobs.payloads()).toEqual(["kept", "nested", "last"])
  })

  test("without the handle it is refused inside a transaction", async () => {
    const { signals, transaction } = await open()
    const inside = transaction(async () => signals.publish("jobs", "1"))
    await expect(inside).rejects.toThrow("use the transaction's handle")
  })

  test("who has unsubscribed is told no more", async () => {
    const { signals } = await open()
    const gone = await listenFully(signals, "jobs")
    const stays = await listenFully(signals, "jobs")
    gone.undo()
    await signals.publish("jobs", "1")
    await stays.until(() => stays.payloads().length === 1)
    expect(gone.payloads()).toEqual([])
  })

  test("a payload that is too long is refused", async () => {
    const { signals } = await open()
    await expect(signals.publish("jobs", "ü".repeat(4000))).rejects.toThrow("8000 bytes")
  })

  if (dialect === "sqlite") return

  test("two processes hear each other, from the statement of a write as well", async () => {
    const place = await open.place()
    const [one, two] = [await open({ place }), await open({ place, migrate: false })]
    const here = await listenFully(one.signals, "meta")
    const there = await listenFully(two.signals, "meta")
    const { meta } = one.tables
    const told = one.signals.inStatement("meta", sql`${meta.key} || ' ' || ${meta.value}`)
    await one.db
      .insert(meta)
      .values({ key: "a", value: "b" })
      .returning({ key: meta.key, told: told as typeof told & {} })
    for (const listener of [here, there]) {
      await listener.until(() => listener.payloads().length === 1)
      expect(listener.payloads()).toEqual(["a b"])
    }
  })

  test("a connection that is lost is made again, and its listeners are told to look", async () => {
    const { signals, db } = await open()
    const jobs = await listenFully(signals, "jobs")
    const lost = await db.execute(
      sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'pagoda signals' and datname = current_database()`,
    )
    expect(lost).toHaveLength(1)
    await jobs.until(() => jobs.told.filter((payload) => payload === null).length >= 2)
    await signals.publish("jobs", "again")
    await jobs.until(() => jobs.payloads().includes("again"))
  })

  test("a server that is away for a while is listened to when it is back", async () => {
    const { url = "" } = await open.place()
    const gate = await openGate(url)
    const { signals } = await open({ place: { url: gate.url, file: "" } })
    const jobs = await listenFully(signals, "jobs")
    await gate.close()
    await gate.open()
    await jobs.until(() => jobs.told.filter((payload) => payload === null).length === 2)
    await gate.close()
  })
})

/** A way to the server that can be shut. */
async function openGate(target: string) {
  const { hostname, port } = new URL(target)
  const { createServer, connect } = await import("node:net")
  const { once } = await import("node:events")
  const sockets = new Set<import("node:net").Socket>()
  const make = () =>
    createServer((from) => {
      const to = connect(Number(port), hostname)
      for (const socket of [from, to]) {
        sockets.add(socket)
        socket.on("error", () => {}).on("close", () => [from, to].map((one) => one.destroy()))
      }
      from.pipe(to).pipe(from)
    })
  let server = make().listen(0, "127.0.0.1")
  await once(server, "listening")
  const at = (server.address() as import("node:net").AddressInfo).port
  const url = new URL(target)
  url.hostname = "127.0.0.1"
  url.port = String(at)
  return {
    url: url.href,
    async close() {
      const closed = once(server, "close")
      server.close()
      for (const socket of sockets) socket.destroy()
      sockets.clear()
      await closed
    },
    async open() {
      server = make().listen(at, "127.0.0.1")
      await once(server, "listening")
    },
  }
}
