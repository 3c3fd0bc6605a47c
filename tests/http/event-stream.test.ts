import { afterEach, beforeEach, expect, jest, test } from "bun:test"
import { heartbeatInterval, type ServerSentEvent, toEventStream } from "../../src/http/event-stream.ts"

beforeEach(() => jest.useFakeTimers())
afterEach(() => jest.useRealTimers())

const request = new Request("http://localhost/events")
const isAllowed = () => true

async function* tell(gate: Promise<void>, onEnd = () => {}): AsyncGenerator<ServerSentEvent> {
  try {
    yield { id: "a", event: "job", data: { text: "one\ntwo" } }
    await gate
  } finally {
    onEnd()
  }
}

function read(response: Response) {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader()
  return {
    next: async () => new TextDecoder().decode((await reader.read()).value),
    cancel: () => reader.cancel(),
  }
}

test("an event is its id, its name and its data on one line", async () => {
  const reader = read(toEventStream({ open: () => tell(Promise.resolve()), request, isAllowed }))
  expect(await reader.next()).toBe('id: a\nevent: job\ndata: {"text":"one\\ntwo"}\n\n')
  expect(await reader.next()).toBe("")
})

test("a silent stream has a comment every 15 seconds, until it ends", async () => {
  const gate = Promise.withResolvers<void>()
  const reader = read(toEventStream({ open: () => tell(gate.promise), request, isAllowed }))
  await reader.next()
  for (let beat = 0; beat < 3; beat++) {
    const next = reader.next()
    jest.advanceTimersByTime(heartbeatInterval)
    expect(await next).toBe(": \n\n")
  }
  gate.resolve()
  expect(await reader.next()).toBe("")
  expect(jest.getTimerCount()).toBe(0)
})

test("a stream that has nothing to tell yet begins with a comment, so that its client is connected", async () => {
  async function* open(signal: AbortSignal): AsyncGenerator<ServerSentEvent> {
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()))
  }
  const reader = read(toEventStream({ open, request, isAllowed }))
  const first = reader.next()
  while (jest.getTimerCount() === 0) await Promise.resolve()
  jest.advanceTimersByTime(100)
  expect(await first).toBe(": \n\n")
  const next = reader.next()
  await reader.cancel()
  expect(await next).toBe("")
})

test("a client that goes away fires the signal and ends what tells the events", async () => {
  const told = Promise.withResolvers<void>()
  const fired = Promise.withResolvers<void>()
  const open = (signal: AbortSignal) => {
    signal.addEventListener("abort", () => fired.resolve())
    return tell(fired.promise, told.resolve)
  }
  const stream = toEventStream({ open, request, isAllowed })
  const reader = read(stream)
  await reader.next()
  const pending = reader.next()
  await reader.cancel()
  await fired.promise
  await told.promise
  await pending
  expect(jest.getTimerCount()).toBe(0)
})

test("a stream that nobody reads begins nothing, and HEAD has none", () => {
  const open = () => tell(new Promise(() => {}))
  toEventStream({ open, request, isAllowed })
  expect(jest.getTimerCount()).toBe(0)
  const head = toEventStream({ open, request: new Request(request, { method: "HEAD" }), isAllowed })
  expect(head.body).toBeNull()
  expect(head.headers.get("content-type")).toBe("text/event-stream")
})

test("an event that may not be read any more is not told: the stream ends", async () => {
  const answers = [true, false]
  const told = Promise.withResolvers<void>()
  async function* open() {
    try {
      for (const id of ["a", "b"]) yield { id, event: "job", data: id }
    } finally {
      told.resolve()
    }
  }
  const reader = read(toEventStream({ open, request, isAllowed: async () => answers.shift() as boolean }))
  expect(await reader.next()).toContain("id: a")
  expect(await reader.next()).toBe("")
  await told.promise
  expect(jest.getTimerCount()).toBe(0)
})

test("a silent stream ends within seconds once it may not be read, or nobody can say whether it may", async () => {
  for (const isAllowed of [async () => false, () => Promise.reject(new Error("no database"))]) {
    const isAsked = { often: 0 }
    const open = (signal: AbortSignal) =>
      tell(new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve())))
    const reader = read(toEventStream({ open, request, isAllowed: () => (isAsked.often++ === 0 ? true : isAllowed()) }))
    await reader.next()
    const next = reader.next()
    jest.advanceTimersByTime(1_000)
    expect(await next).toBe("")
    expect(jest.getTimerCount()).toBe(0)
  }
})

test("nothing piles up for a client that does not read", async () => {
  const open = (signal: AbortSignal) =>
    tell(new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve())))
  const reader = read(toEventStream({ open, request, isAllowed }))
  await reader.next()
  const pending = reader.next()
  jest.advanceTimersByTime(heartbeatInterval * 100)
  expect([await pending, await reader.next()]).toEqual([": \n\n", ": \n\n"])
  const next = reader.next()
  await reader.cancel()
  expect(await next).toBe("")
})
