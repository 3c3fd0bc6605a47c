import type { JobTarget } from "@pagoda/sdk"
import { Type } from "@sinclair/typebox"
import { PagodaError } from "../errors.ts"
import { toIssues } from "../issues.ts"
import type { Operation } from "./operations.ts"
import { toStorable } from "./text.ts"

const targetSchema = Type.Object(
  {
    type: Type.String({ minLength: 1, maxLength: 100 }),
    id: Type.Union([Type.Integer(), Type.String({ minLength: 1, maxLength: 200 })]),
    name: Type.String({ maxLength: 200 }),
  },
  { additionalProperties: false },
)

type TargetColumns = { target_type: string; target_id: number | string; target_name: string }

export function toTargetColumns(target: JobTarget | null | undefined): TargetColumns | undefined {
  if (target === undefined || target === null) return undefined
  const issues = toIssues(targetSchema, target)
  const { type, id, name } = target
  if (issues.length === 0) {
    const target_id = typeof id === "string" ? toStorable(id) : id
    return { target_type: toStorable(type), target_id, target_name: toStorable(name) }
  }
  throw new PagodaError("VALIDATION_FAILED", "The job's target does not fit", {
    issues: issues.map((issue) => ({ ...issue, path: issue.path === "" ? "target" : `target.${issue.path}` })),
  })
}

/** Jobs with one key run one after the other. A digest, because a queue takes only short ones. */
export function toSerialKey({ number, parallelizable }: Operation, target: TargetColumns | undefined): string | null {
  if (parallelizable || !target) return null
  return new Bun.CryptoHasher("sha256")
    .update(JSON.stringify([number, target.target_type, target.target_id]))
    .digest("hex")
}
