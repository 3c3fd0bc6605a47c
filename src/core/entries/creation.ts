import type { Json, User } from "@pagoda/sdk"
import { and, eq, inArray } from "drizzle-orm"
import type { Transaction } from "../../db/database.ts"
import type { Issue } from "../../errors.ts"
import { checkEntryName } from "../entities/attrs.ts"
import type { EntitySchema } from "../entities/schemas.ts"
import type { Entries } from "../entries.ts"
import { join, show, toFields } from "../fields.ts"
import { refuseIssues } from "../refuse.ts"
import { checkEntry } from "./check.ts"
import { untilHeld } from "./hold.ts"
import {
  type Along,
  commit,
  commitWhole,
  type EntryParts,
  isWhole,
  nameTaken,
  namingEntry,
  runBefore,
  toCall,
} from "./parts.ts"
import { type StoredAttrs, toStored } from "./values.ts"
import { type EntryRow, findLevels, type Hidden, toEntry, toHidden, valueIn } from "./view.ts"
import { checkVersion } from "./write.ts"

const copyLimit = 100

type Draft = {
  readonly name: string
  readonly attrs: StoredAttrs
  /** Where the body has the name. */
  readonly path: string
  readonly original?: EntryRow
}

export function createEntryCreation(parts: EntryParts): Pick<Entries, "create" | "copy"> {
  const { access, database, hooks, reader, references, writer } = parts

  /** All or none. */
  async function store(
    user: User,
    { schema, hidden }: { schema: EntitySchema; hidden: Hidden },
    drafts: readonly Draft[],
    along?: Along,
  ) {
    const shown = (row: EntryRow) => toEntry(row, schema, hidden)
    const toTold = (row: EntryRow) => toCall(user, schema, shown(row))
    const committing = { schema, told: "create", toCall: toTold, along } as const
    const make = (draft: Draft, handle?: Transaction) =>
      namingEntry(draft.name, draft.path, () => writer.create(user, schema, draft, handle))
    const [alone] = drafts
    if (alone && drafts.length === 1 && !alone.original && isWhole(parts, committing)) {
      return (await commitWhole(parts, committing, () => make(alone))).map(shown)
    }
    const rows = await commit(parts, committing, async (handle) => {
      const made = new Map<Draft, EntryRow>()
      // in one order for all: of two that wait for each other's names neither would end
      for (const draft of drafts.toSorted((one, other) => (one.name < other.name ? -1 : 1))) {
        made.set(draft, await make(draft, handle))
      }
      return drafts.map((draft) => made.get(draft) as EntryRow)
    })
    return rows.map(shown)
  }

  /** Of names that are taken when one looks; the index has the last word. */
  async function refuseTaken(schema: EntitySchema, names: readonly string[]): Promise<void> {
    const { db, tables } = database
    const { entry } = tables
    const found = await db
      .select({ name: entry.name })
      .from(entry)
      .where(and(eq(entry.entity_id, schema.entity.id), eq(entry.is_active, true), inArray(entry.name, [...names])))
    const taken = new Set(found.map(({ name }) => name))
    const refused = names.map((name, at) => ({ name, path: `names.${at}` })).filter(({ name }) => taken.has(name))
    if (refused.length > 0) throw nameTaken(refused)
  }

  return {
    create: (user, entity, body, { along } = {}) =>
      untilHeld(async () => {
        const viewer = await access.viewer(user)
        const schema = await reader.entity(viewer, entity, "writable")
        const levels = await findLevels(access, viewer, [schema])
        const writing = { viewer, schema, levels }
        const check = (data: unknown) => checkEntry(references, writing, data, "Cannot create the entry")
        const data = await runBefore(hooks, "create", toCall(user, schema), await check(body), check)
        const draft = { name: data.name as string, attrs: toStored(schema, data.attrs), path: "name" }
        const [made] = await store(user, { schema, hidden: toHidden(levels) }, [draft], along)
        return made as NonNullable<typeof made>
      }),

    copy: (user, id, body) =>
      untilHeld(async () => {
        const viewer = await access.viewer(user)
        const { row, schema } = await reader.entry(viewer, id, "writable")
        checkVersion(row, undefined)
        const names = checkNames(schema, body)
        await refuseTaken(schema, names)
        const levels = await findLevels(access, viewer, [schema])
        const hidden = toHidden(levels)
        const copied = toCopied(row, schema, hidden)
        const drafts: Draft[] = []
        for (const [at, name] of names.entries()) {
          const writing = { viewer, schema, levels, row: { ...row, name } }
          const check = async (data: unknown) => {
            const changed = await checkEntry(references, writing, data, `Cannot copy entry "${id}"`)
            return { name: changed.name ?? name, attrs: { ...copied, ...changed.attrs } }
          }
          const data = await runBefore(hooks, "create", toCall(user, schema), { name, attrs: copied }, check)
          const attrs = toStored(schema, data.attrs)
          drafts.push({ name: data.name ?? name, attrs, path: `names.${at}`, original: row })
        }
        return store(user, { schema, hidden }, drafts)
      }),
  }
}

/** What one may not read is not handed on. */
function toCopied({ attrs }: EntryRow, { attributes }: EntitySchema, hidden: Hidden): { [name: string]: Json } {
  const seen = attributes.filter(({ id }) => !hidden.has(id))
  return Object.fromEntries(seen.map((attribute) => [attribute.name, valueIn(attrs, attribute)]))
}

/** @throws VALIDATION_FAILED, NAME_TAKEN where a name is there twice */
function checkNames(schema: EntitySchema, body: unknown): string[] {
  const issues: Issue[] = []
  const { names } = toFields(body, ["names"], issues)
  const what = "Cannot copy the entry"
  if (!Array.isArray(names) || names.length === 0 || names.length > copyLimit) {
    const is = Array.isArray(names) ? `has ${names.length} names` : `is ${show(names)}`
    const message = `the list ${is}, wanted 1 to ${copyLimit} names`
    issues.push({ path: "names", message, code: "NAMES_INVALID" })
    refuseIssues(what, issues)
    return []
  }
  for (const [at, name] of names.entries()) {
    const path = join("names", at)
    const wrong = checkEntryName(schema, name, path)
    if (wrong.length === 0 && names.indexOf(name) < at) {
      wrong.push({ path, message: `the name ${show(name)} is there twice`, code: "NAME_TAKEN" })
    }
    issues.push(...wrong)
  }
  refuseIssues(what, issues)
  return names
}
