import { catalogue, type ErrorCode, type Issue, PagodaError } from "../errors.ts"

/**
 * Throws where there are issues: all of them at once, under their own code where they share one that is of the catalogue.
 *
 * @param what failed, such as `Cannot create the entry`
 */
export function refuseIssues(what: string, issues: readonly Issue[]): void {
  if (issues.length === 0) return
  const all = issues.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`)).join("; ")
  throw new PagodaError(sharedCode(issues), `${what}: ${all}`, { issues: [...issues] })
}

function sharedCode(issues: readonly Issue[]): ErrorCode {
  const codes = new Set(issues.map(({ code }) => code))
  const [code = ""] = codes
  return codes.size === 1 && code in catalogue ? (code as ErrorCode) : "VALIDATION_FAILED"
}
