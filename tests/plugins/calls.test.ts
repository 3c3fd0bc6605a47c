import { expect, test } from "bun:test"
import { createCalls } from "../../src/plugins/calls.ts"

test("what is under way is waited for", async () => {
  const calls = createCalls()
  const { promise, resolve } = Promise.withResolvers<string>()
  expect(calls.follow(promise)).toBe(promise)
  const idle = calls.idle(10_000)
  expect(Bun.peek.status(idle)).toBe("pending")
  resolve("done")
  expect(await idle).toBe(0)
})

test("one that fails has ended as well, and its failure is left to who asked", async () => {
  const calls = createCalls()
  const { promise, reject } = Promise.withResolvers<string>()
  const followed = calls.follow(promise)
  const idle = calls.idle(10_000)
  reject(new Error("no"))
  expect(followed).rejects.toThrow("no")
  expect(await idle).toBe(0)
})

test("what does not end is waited for no longer than that, and counted", async () => {
  const calls = createCalls()
  calls.begin()
  calls.follow("not a promise")
  expect(await calls.idle(10)).toBe(1)
  calls.end()
  expect(await calls.idle(10)).toBe(0)
})
