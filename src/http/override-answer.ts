import type { OverrideOperation, User } from "@pagoda/sdk"
import type { Core } from "../core/core.ts"
import { isObject, show } from "../core/fields.ts"
import { PagodaError } from "../errors.ts"
import { settle } from "./settle.ts"

type Asked = {
  user: User
  operation: OverrideOperation
  target: { entity: number } | { entry: number }
  data?: unknown
}

/**
 * What the plugin that the operator bound to this operation answers, after the access check; nothing: the standard
 * operation does. A response, because the schema of the standard answer does not hold for it.
 */
export async function findOverride(
  { entries, overrides }: Pick<Core, "entries" | "overrides">,
  { user, operation, target, data }: Asked,
): Promise<Response | undefined> {
  if (!overrides.has(operation)) return undefined
  const { schema, entry } = await entries.authorize(user, operation, target).catch(async (error) => {
    const isHidden = error instanceof PagodaError && error.code === "NOT_FOUND"
    if (!isHidden || !(await overrides.isBound(operation, target))) throw error
    throw new PagodaError("FORBIDDEN", `Cannot ${operation} here: you have no access to the entity`, { cause: error })
  })
  if (data !== undefined && !isObject(data)) {
    const issues = [{ path: "", message: `this is ${show(data)}, wanted an object`, code: "OBJECT" }]
    throw new PagodaError("VALIDATION_FAILED", "The body does not fit: it is no object", { issues })
  }
  const { id, name } = schema.entity
  const found = await overrides.run({ user, entity: { id, name }, entry, data, operation })
  if (!found) return undefined
  const { plugin, answer } = found
  if (answer instanceof Response) return settle(answer, plugin)
  return Response.json(answer, { status: operation === "create" ? 201 : 200 })
}

/** For the description of an operation that may be overridden. */
export const mayBeOverridden =
  "Where the operator bound it to a plugin, that one may answer instead: then what comes back is as the plugin says."
