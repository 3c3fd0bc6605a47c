import gt from "semver/functions/gt"
import satisfies from "semver/functions/satisfies"
import valid from "semver/functions/valid"
import validRange from "semver/ranges/valid"

/** The only place that knows how versions compare. */
export function isVersion(text: string): boolean {
  return valid(text) === text
}

export function isRange(text: string): boolean {
  return validRange(text) !== null
}

/** A pre-release of a version that fits does fit: who tests one means to. */
export function isInRange(version: string, range: string): boolean {
  return satisfies(version, range, { includePrerelease: true })
}

export function isNewer(version: string, than: string): boolean {
  return gt(version, than)
}
