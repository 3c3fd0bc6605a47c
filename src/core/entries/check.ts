import type { Json } from "@pagoda/sdk"
import type { Issue } from "../../errors.ts"
import type { Viewer } from "../access/viewer.ts"
import { checkAttrs, checkEntryName } from "../entities/attrs.ts"
import type { References } from "../entities/references.ts"
import type { EntitySchema } from "../entities/schemas.ts"
import { type Fields, isObject, join, show, toFields } from "../fields.ts"
import { refuseIssues } from "../refuse.ts"
import { type AttributeLevels, type EntryRow, toHidden, valueIn } from "./view.ts"

/** What is to be written: the values by name, as they will be stored. */
export type CheckedEntry = { readonly name?: string; readonly attrs: { readonly [name: string]: Json } }

/** Who writes, and where. */
export type Writing = {
  readonly viewer: Viewer
  readonly schema: EntitySchema
  readonly levels: AttributeLevels
  /** The one that is changed; left out: a new one. */
  readonly row?: EntryRow
}

/** @throws VALIDATION_FAILED with all problems, or FORBIDDEN where nothing but a level is missing */
export async function checkEntry(
  references: References,
  { viewer, schema, levels, row }: Writing,
  body: unknown,
  what: string,
): Promise<CheckedEntry> {
  const issues: Issue[] = []
  const { name, attrs } = toFields(body, ["name", "attrs"], issues)
  if (!row || (name !== undefined && name !== row.name)) issues.push(...checkEntryName(schema, name))
  const wanted = row && isObject(attrs) ? withoutEqual(attrs, schema, row) : attrs
  const checked = checkAttrs(withoutHidden(schema, levels), wanted, { partial: row !== undefined })
  issues.push(...checked.issues, ...(await references.check(viewer, checked.references)))
  if (levels.size > 0 && isObject(wanted)) issues.push(...checkLevels(Object.keys(wanted), schema, levels))
  refuseIssues(what, issues)
  return typeof name === "string" ? { name, attrs: checked.attrs } : { attrs: checked.attrs }
}

/** What is there already may be given again, also where it could not be written anew. */
function withoutEqual(attrs: Fields, { byName }: EntitySchema, row: EntryRow): Fields {
  const differs = ([name, value]: [string, unknown]) => {
    const attribute = byName.get(name)
    return !attribute || !Bun.deepEquals(value, valueIn(row.attrs, attribute))
  }
  return Object.fromEntries(Object.entries(attrs).filter(differs))
}

/** An attribute that one may not read is as unknown as one that is not there. */
function withoutHidden(schema: EntitySchema, levels: AttributeLevels): EntitySchema {
  const hidden = toHidden(levels)
  if (hidden.size === 0) return schema
  return { ...schema, byName: new Map([...schema.byName].filter(([, { id }]) => !hidden.has(id))) }
}

function checkLevels(names: readonly string[], { byName }: EntitySchema, levels: AttributeLevels): Issue[] {
  return names.flatMap((name) => {
    const level = levels.get(byName.get(name)?.id ?? 0) ?? "full"
    if (level !== "readable") return []
    return [{ path: join("attrs", name), message: `you may read the attribute ${show(name)} only`, code: "FORBIDDEN" }]
  })
}
