import { type TSchema, Type as t } from "@sinclair/typebox"
import { inArray } from "drizzle-orm"
import type { Transaction } from "../../db/database.ts"
import type { Tables } from "../../db/schema.ts"
import type { Issue } from "../../errors.ts"

type Reader = Pick<Transaction, "select">

export const memberIds = {
  user: t.String({ pattern: "^[A-Za-z0-9_-]{1,100}$" }),
  group: t.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
}

export function memberList<Id extends TSchema>(id: Id) {
  return t.Array(id, { uniqueItems: true, maxItems: 10_000 })
}

export async function knownUsers(handle: Reader, { user }: Tables, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set()
  const rows = await handle
    .select({ id: user.id })
    .from(user)
    .where(inArray(user.id, [...ids]))
  return new Set(rows.map(({ id }) => id))
}

export async function knownGroups(handle: Reader, { group }: Tables, ids: readonly number[]): Promise<Set<number>> {
  if (ids.length === 0) return new Set()
  const rows = await handle
    .select({ id: group.id })
    .from(group)
    .where(inArray(group.id, [...ids]))
  return new Set(rows.map(({ id }) => id))
}

/** Each id that is not known is a problem under its place in the list. */
export function toUnknown<Id>(what: string, path: string, ids: readonly Id[], known: ReadonlySet<Id>): Issue[] {
  return ids.flatMap((id, index) =>
    known.has(id)
      ? []
      : [{ path: `${path}.${index}`, code: `${what.toUpperCase()}_UNKNOWN`, message: `there is no ${what} "${id}"` }],
  )
}

/** A statement takes a limited number of values. */
export function* inParts<Item>(items: readonly Item[]): Generator<Item[]> {
  for (let start = 0; start < items.length; start += 1000) yield items.slice(start, start + 1000)
}
