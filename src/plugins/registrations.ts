import type { Undo } from "../undo.ts"

/**
 * What one version of a plugin adds to the host. It is prepared beside an older version and begins in one synchronous
 * step, so that no request, hook or job finds neither of the two, or half of one.
 */
export type Registrations = {
  /** Begins with the others or, where those have begun or with `now`, at once. The undo takes it out for good. */
  add(begin: () => Undo, when?: "now"): Undo
  /** Begins all that has not begun. Where one throws, those before it are taken back. */
  enter(): void
  /** Takes back all of it, the last first; gives what was thrown. It can be entered again. */
  withdraw(): unknown[]
}

type Registration = { readonly begin: () => Undo; undo?: Undo | undefined }

export function createRegistrations(): Registrations {
  const all = new Set<Registration>()
  let hasEntered = false

  const takeBack = (registrations: Registration[]): unknown[] => {
    const failures: unknown[] = []
    for (const registration of registrations.reverse()) {
      const { undo } = registration
      registration.undo = undefined
      try {
        undo?.()
      } catch (error) {
        failures.push(error)
      }
    }
    return failures
  }

  return {
    add(begin, when) {
      const registration: Registration = { begin }
      if (hasEntered || when === "now") registration.undo = begin()
      all.add(registration)
      return () => {
        all.delete(registration)
        const { undo } = registration
        registration.undo = undefined
        return undo?.()
      }
    },
    enter() {
      const begun: Registration[] = []
      try {
        for (const registration of all) {
          if (registration.undo) continue
          registration.undo = registration.begin()
          begun.push(registration)
        }
        hasEntered = true
      } catch (error) {
        takeBack(begun)
        throw error
      }
    },
    withdraw() {
      hasEntered = false
      return takeBack([...all])
    },
  }
}
