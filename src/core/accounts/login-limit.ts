import { PagodaError } from "../../errors.ts"

type Attempts = { failures: number[]; running: number; waiting: (() => void)[] }

const allowed = 10
const windowMs = 60_000
const mostKeys = 10_000

/**
 * Lets ten attempts of a key fail in a minute. Attempts that still run count as if they had failed, so that a burst gets
 * no further than a row; those beyond wait for them, so that a burst that succeeds is not refused.
 */
export function createLoginLimit(now: () => number = Date.now) {
  const keys = new Map<string, Attempts>()

  async function begin(key: string): Promise<Attempts> {
    for (;;) {
      const attempts = keys.get(key) ?? open(key)
      attempts.failures = attempts.failures.filter((time) => time > now() - windowMs)
      if (attempts.failures.length >= allowed) throw tooMany(attempts.failures[0] as number)
      if (attempts.failures.length + attempts.running < allowed) {
        attempts.running++
        return attempts
      }
      await new Promise<void>((resolve) => attempts.waiting.push(resolve))
    }
  }

  function open(key: string): Attempts {
    if (keys.size >= mostKeys) sweep()
    const attempts: Attempts = { failures: [], running: 0, waiting: [] }
    keys.set(key, attempts)
    return attempts
  }

  /** The oldest go when all are fresh: a tenth at once, so that a flood does not sweep at each attempt. */
  function sweep(): void {
    for (const [key, { failures, running }] of keys) {
      if (running === 0 && !failures.some((time) => time > now() - windowMs)) keys.delete(key)
    }
    for (const [key, { running }] of keys) {
      if (keys.size <= mostKeys * 0.9) return
      if (running === 0) keys.delete(key)
    }
  }

  function tooMany(oldest: number): PagodaError {
    const seconds = Math.max(1, Math.ceil((oldest + windowMs - now()) / 1000))
    return new PagodaError(
      "TOO_MANY_ATTEMPTS",
      `Cannot log in: ${allowed} attempts failed within a minute; wait ${seconds} s`,
      { headers: { "Retry-After": String(seconds) } },
    )
  }

  return {
    /** Runs one attempt, or refuses it. An attempt that fails by anything but wrong credentials does not count. */
    async attempt<T>(key: string, work: () => Promise<T>): Promise<T> {
      const attempts = await begin(key)
      try {
        return await work()
      } catch (error) {
        if (error instanceof PagodaError && error.code === "CREDENTIALS_INVALID") attempts.failures.push(now())
        throw error
      } finally {
        attempts.running--
        for (const resume of attempts.waiting.splice(0)) resume()
        if (attempts.running === 0 && attempts.failures.length === 0) keys.delete(key)
      }
    },
    get size() {
      return keys.size
    },
  }
}
