import { PagodaError, toMessage } from "../errors.ts"

/** How long what a plugin does outside of requests may take, and what runs in one that leaves, in milliseconds. */
export const patience = { initialize: 20_000, dispose: 5_000, onSettings: 5_000, leave: 5_000 }

/** @throws INITIALIZE_FAILED or PLUGIN_FAILED, where it throws or takes longer */
export async function within(
  milliseconds: number,
  id: string,
  what: "initialize" | "dispose" | "tell settings to",
  work: () => Promise<unknown>,
): Promise<void> {
  const failed = (problem: string, cause?: unknown) => {
    const code = what === "initialize" ? "INITIALIZE_FAILED" : "PLUGIN_FAILED"
    return new PagodaError(code, `Cannot ${what} plugin "${id}": ${problem}`, { plugin: id, cause })
  }
  let timer: Timer | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(failed(`it took more than ${milliseconds / 1000} s`)), milliseconds)
  })
  try {
    await Promise.race([work(), late])
  } catch (cause) {
    throw cause instanceof PagodaError ? cause : failed(`it threw: ${toMessage(cause)}`, cause)
  } finally {
    clearTimeout(timer)
  }
}
