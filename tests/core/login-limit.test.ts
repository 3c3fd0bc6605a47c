import { expect, test } from "bun:test"
import { createLoginLimit } from "../../src/core/accounts/login-limit.ts"
import { PagodaError } from "../../src/errors.ts"

const wrong = async () => {
  throw new PagodaError("CREDENTIALS_INVALID", "wrong")
}
const right = async () => "in"

test("ten failures in a minute, then a wait until the first of them is a minute old", async () => {
  let now = 0
  const { attempt } = createLoginLimit(() => now)
  for (let i = 0; i < 10; i++) {
    await expect(attempt("a", wrong)).rejects.toThrow("wrong")
    now += 1000
  }
  await expect(attempt("a", right)).rejects.toMatchObject({
    code: "TOO_MANY_ATTEMPTS",
    headers: { "Retry-After": "50" },
  })
  expect(await attempt("b", right)).toBe("in")
  now = 60_001
  expect(await attempt("a", right)).toBe("in")
  await expect(attempt("a", wrong)).rejects.toThrow("wrong")
  await expect(attempt("a", wrong)).rejects.toMatchObject({ code: "TOO_MANY_ATTEMPTS" })
})

test("successes and errors of our own do not count", async () => {
  const limit = createLoginLimit()
  const broken = async () => {
    throw new PagodaError("DATABASE_UNREACHABLE", "down")
  }
  for (let i = 0; i < 30; i++) {
    expect(await limit.attempt("a", right)).toBe("in")
    await expect(limit.attempt("a", broken)).rejects.toThrow("down")
  }
  expect(limit.size).toBe(0)
})

test("a hundred at once: ten are tried when they fail, all when they succeed", async () => {
  const { attempt } = createLoginLimit()
  let tried = 0
  const fail = async () => {
    tried++
    await Bun.sleep(0)
    return wrong()
  }
  const answers = await Promise.allSettled(Array.from({ length: 100 }, () => attempt("a", fail)))
  expect(tried).toBe(10)
  const refused = answers.filter((answer) => answer.status === "rejected" && answer.reason.code === "TOO_MANY_ATTEMPTS")
  expect(refused).toHaveLength(90)
  const succeed = async () => Bun.sleep(0)
  await Promise.all(Array.from({ length: 100 }, () => attempt("b", succeed)))
})

test("names that no one has do not fill the memory", async () => {
  let now = 0
  const limit = createLoginLimit(() => now)
  for (let i = 0; i < 25_000; i++) {
    now++
    await limit.attempt(`name ${i}`, wrong).catch(() => {})
  }
  expect(limit.size).toBeLessThanOrEqual(10_000)
})
