import { expect, test } from "bun:test"
import { createCalls } from "../../src/plugins/calls.ts"

test("what is under way is waited for", async () => {
  const calls = createCalls()
  const { promise, resolve } = Promise.withResolvers<string>()
  expect(calls.follow(promise)).toBe(promise)
  const left = calls.leave(10_000)
  expect(Bun.peek.status(left)).toBe("pending")
  resolve("done")
  expect(await left).toBe(0)
})

test("one that fails has ended as well, and its failure is left to who asked", async () => {
  const calls = createCalls()
  const { promise, reject } = Promise.withResolvers<string>()
  const followed = calls.follow(promise)
  const left = calls.leave(10_000)
  reject(new Error("no"))
  expect(followed).rejects.toThrow("no")
  expect(await left).toBe(0)
})

test("what does not end is waited for no longer than that, and counted", async () => {
  const calls = createCalls()
  calls.begin()
  calls.follow("not a promise")
  expect(await calls.leave(10)).toBe(1)
  calls.end()
  expect(await calls.leave(10)).toBe(0)
})
