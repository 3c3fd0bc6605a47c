import type { Entity, Level } from "@pagoda/sdk"
import type { Issue } from "../../errors.ts"
import { levels } from "../access/levels.ts"
import { checkText } from "../body.ts"
import { show, toFields } from "../fields.ts"
import { checkName } from "../name.ts"
import { checkPattern } from "./patterns.ts"

/** What of an entity's own row a body says. */
export type EntityFields = Pick<Entity, "name" | "note" | "item_name_pattern" | "is_public" | "default_permission">

/** A body without its `attrs`, and those as they were given. */
export type EntityBody = { readonly fields: Partial<EntityFields>; readonly attrs: unknown; readonly issues: Issue[] }

const ownFields = ["name", "note", "item_name_pattern", "is_public", "default_permission"]

/** @param options.partial a change: what is left out stays; access rules cannot be changed so */
export async function checkEntityBody(body: unknown, { partial }: { partial: boolean }): Promise<EntityBody> {
  const issues: Issue[] = []
  const { attrs, ...given } = toFields(body, [...ownFields, "attrs"], issues)
  const fields = Object.fromEntries(
    ownFields.filter((name) => given[name] !== undefined).map((name) => [name, given[name]]),
  )
  if (!partial || fields.name !== undefined) issues.push(...checkName(fields.name, "entity"))
  for (const name of ["note", "item_name_pattern"]) issues.push(...checkString(fields[name], name))
  if (typeof fields.item_name_pattern === "string") {
    issues.push(...(await checkPattern(fields.item_name_pattern, "item_name_pattern")))
  }
  issues.push(...(partial ? refuseAccess(fields) : checkAccess(fields)))
  return { fields: fields as Partial<EntityFields>, attrs, issues }
}

type Given = { readonly [name: string]: unknown }

function checkString(value: unknown, path: string): Issue[] {
  if (value === undefined || typeof value === "string") return checkText(value, path)
  return [{ path, message: `this is ${show(value)}, wanted a string`, code: "STRING" }]
}

function checkAccess({ is_public, default_permission }: Given): Issue[] {
  const issues: Issue[] = []
  if (is_public !== undefined && typeof is_public !== "boolean") {
    issues.push({ path: "is_public", message: `this is ${show(is_public)}, wanted true or false`, code: "BOOLEAN" })
  }
  if (default_permission !== undefined && !levels.includes(default_permission as Level)) {
    const message = `this is ${show(default_permission)}, wanted one of "${levels.join('", "')}"`
    issues.push({ path: "default_permission", message, code: "LEVEL" })
  }
  return issues
}

function refuseAccess(fields: Given): Issue[] {
  return ["is_public", "default_permission"]
    .filter((path) => fields[path] !== undefined)
    .map((path) => {
      const message = 'access is not changed here: use "PUT /api/v2/entities/:id/acl"'
      return { path, message, code: "FIELD_FIXED" }
    })
}
