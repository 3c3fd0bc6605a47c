import { afterEach, beforeEach, expect, jest, test } from "bun:test"
import { heartbeatInterval, type ServerSentEvent, toEventStream } from "../../src/http/event-stream.ts"

beforeEach(() => jest.useFakeTimers())
afterEach(() => jest.useRealTimers())

const { signal } = new AbortController()

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
  const reader = read(toEventStream(() => tell(Promise.resolve()), signal))
  expect(await reader.next()).toBe('id: a\nevent: job\ndata: {"text":"one\\ntwo"}\n\n')
  expect(await reader.next()).toBe("")
})

test("a silent stream has a comment every 15 seconds, until it ends", async () => {
  const gate = Promise.withResolvers<void>()
  const reader = read(toEventStream(() => tell(gate.promise), signal))
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

test("a client that goes away fires the signal and ends what tells the events", async () => {
  const told = Promise.withResolvers<void>()
  const fired = Promise.withResolvers<void>()
  const stream = toEventStream((signal) => {
    signal.addEventListener("abort", () => fired.resolve())
    return tell(fired.promise, told.resolve)
  }, signal)
  const reader = read(stream)
  await reader.next()
  const pending = reader.next()
  await reader.cancel()
  await fired.promise
  await told.promise
  await pending
  expect(jest.getTimerCount()).toBe(0)
})

test("a stream that nobody reads, as after HEAD, begins nothing", () => {
  toEventStream(() => tell(new Promise(() => {})), signal)
  expect(jest.getTimerCount()).toBe(0)
})
