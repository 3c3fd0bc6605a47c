import { type ErrorDetails, PagodaError } from "../errors.ts"

/** The rest of a file cannot be read. */
export function refuseFile(problem: string, details: ErrorDetails = {}): PagodaError {
  return new PagodaError("IMPORT_INVALID", `Cannot read the file: ${problem}`, details)
}
