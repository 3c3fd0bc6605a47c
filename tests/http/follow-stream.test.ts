import { expect, test } from "bun:test"
import { endWithPlugin, followStream } from "../../src/http/follow-stream.ts"
import { createCalls } from "../../src/plugins/calls.ts"

/** Gives a piece whenever it is asked to. */
function openSource() {
  let controller: ReadableStreamDefaultController<string>
  const stream = new ReadableStream<string>({
    start(given) {
      controller = given
    },
    cancel() {
      source.isCanceled = true
    },
  })
  const source = {
    stream,
    isCanceled: false,
    say: (text: string) => controller.enqueue(text),
    end: () => controller.close(),
  }
  return source
}

test("a stream that ends by itself is waited for and whole", async () => {
  const [calls, source] = [createCalls(), openSource()]
  const reader = followStream(source.stream, calls).getReader()
  source.say("one")
  expect((await reader.read()).value).toBe("one")
  const left = calls.leave(10_000)
  expect(Bun.peek.status(left)).toBe("pending")
  source.say("two")
  expect((await reader.read()).value).toBe("two")
  source.end()
  expect((await reader.read()).done).toBe(true)
  expect(await left).toBe(0)
})

test("one that does not end in time goes on", async () => {
  const [calls, source] = [createCalls(), openSource()]
  const reader = followStream(source.stream, calls).getReader()
  source.say("one")
  await reader.read()
  expect(await calls.leave(1)).toBe(1)
  source.say("two")
  expect((await reader.read()).value).toBe("two")
  source.end()
  expect((await reader.read()).done).toBe(true)
})

test("one of events ends at once, also one that begins too late", async () => {
  const calls = createCalls()
  const [early, late] = [openSource(), openSource()]
  const read = endWithPlugin(early.stream, calls).getReader().read()
  expect(await calls.leave(10_000)).toBe(0)
  expect((await read).done).toBe(true)
  expect((await endWithPlugin(late.stream, calls).getReader().read()).done).toBe(true)
  expect([early.isCanceled, late.isCanceled]).toEqual([true, true])
})

test("what nobody reads to its end is not waited for", async () => {
  const [calls, unread, given] = [createCalls(), openSource(), openSource()]
  followStream(unread.stream, calls)
  const reader = followStream(given.stream, calls).getReader()
  given.say("one")
  await reader.read()
  await reader.cancel()
  expect(given.isCanceled).toBe(true)
  expect(await calls.leave(10_000)).toBe(0)
})
