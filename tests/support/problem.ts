import { expect } from "bun:test"
import type { Problem } from "../../src/http/problem.ts"

/** The problem document that a response must be. */
export async function readProblem(response: Response): Promise<Problem & Record<string, unknown>> {
  expect(response.headers.get("content-type")).toBe("application/problem+json")
  const problem = (await response.json()) as Problem & Record<string, unknown>
  for (const member of ["type", "title", "detail"]) expect(problem[member]).toBeString()
  expect(problem.status).toBe(response.status)
  expect(problem.code).toMatch(/^[A-Z][A-Z0-9_]+$/)
  return problem
}
