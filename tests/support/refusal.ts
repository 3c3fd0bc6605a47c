import { PagodaError } from "../../src/errors.ts"

/** What is refused: the code, and path → code of each problem. Throws where nothing is, or where it fails otherwise. */
export async function problemOf(work: Promise<unknown>): Promise<{ code: string; paths: Record<string, string> }> {
  try {
    await work
  } catch (error) {
    if (!(error instanceof PagodaError)) throw error
    const paths = (error.issues ?? []).map(({ path, code }) => [path, code])
    return { code: error.code, paths: Object.fromEntries(paths) }
  }
  throw new Error("It was not refused")
}
