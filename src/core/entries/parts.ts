import type { Entry, User } from "@pagoda/sdk"
import { and, eq } from "drizzle-orm"
import type { Database, Transaction } from "../../db/database.ts"
import { type DatabaseError, isDeadlock, isUniqueViolation } from "../../db/database-error.ts"
import { PagodaError } from "../../errors.ts"
import type { Access } from "../access.ts"
import type { References } from "../entities/references.ts"
import type { EntitySchema, Schemas } from "../entities/schemas.ts"
import type { HookCall, Hooks } from "../hooks.ts"
import type { CheckedEntry } from "./check.ts"
import type { EntryReader } from "./reader.ts"
import { together } from "./together.ts"
import type { EntryRow } from "./view.ts"
import type { EntryWriter } from "./write.ts"

/** What the operations on entries are made of. */
export type EntryParts = {
  readonly database: Database
  readonly access: Access
  readonly schemas: Schemas
  readonly references: References
  readonly hooks: Hooks
  readonly reader: EntryReader
  readonly writer: EntryWriter
}

/** The entity was changed after it was read: what was checked against it has to be checked again. */
class EntityMoved extends Error {
  override name = "EntityMoved"
}

const tries = 5

/**
 * Does a write whose checks rest on a schema from its first read on, and again where the schema is another by the commit,
 * or where another write and this one waited for each other's names.
 */
export async function untilHeld<T>(work: () => Promise<T>): Promise<T> {
  for (let left = tries; ; left--) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof EntityMoved) && !isDeadlock(error)) throw error
      if (left > 1) continue
      const problem = "others change it, or its entity, all the time; try again"
      throw new PagodaError("CONFLICT", `Cannot write the entry: ${problem}`, { cause: error })
    }
  }
}

type Told = "create" | "update" | "delete" | "restore"

/**
 * One transaction, in which the entity stays as it was read, with what is to be delivered of it; then all others are
 * told.
 */
export async function commit(
  { database, hooks }: EntryParts,
  { schema, told, toCall }: { schema: EntitySchema; told: Told; toCall: (row: EntryRow) => HookCall },
  write: (handle: Transaction) => Promise<EntryRow[]>,
): Promise<EntryRow[]> {
  const name = `entry.after_${told}` as const
  const isHeard = hooks.has(name, schema.entity.name)
  let calls: HookCall[] = []
  const rows = await database.transaction(async (handle) => {
    const [, written] = await together(hold(database, handle, schema), write(handle))
    calls = isHeard ? written.map(toCall) : []
    for (const call of calls) await hooks.enqueue(handle, name, call)
    return written
  })
  for (const call of calls) await hooks.after(name, call)
  return rows
}

/** Who changes the entity waits until the commit, and who changed it is seen. */
async function hold({ tables, dialect }: Database, handle: Transaction, { entity: { id, version } }: EntitySchema) {
  const { entity } = tables
  const isSame = and(eq(entity.id, id), eq(entity.version, version), eq(entity.is_active, true))
  const query = handle.select({ id: entity.id }).from(entity).where(isSame)
  const found = await (dialect === "postgres" ? query.for("share") : query)
  if (found.length === 0) throw new EntityMoved()
}

/** The index alone knows whether a name is free. */
export async function namingEntry<T>(name: string, path: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (error) {
    if (!isUniqueViolation(error) || !isNameIndex(error)) throw error
    throw nameTaken([{ name, path }], error)
  }
}

function isNameIndex({ constraint, message }: DatabaseError): boolean {
  return constraint === undefined ? message.includes("entry.name") : constraint === "entry_name"
}

export function nameTaken(taken: readonly { name: string; path: string }[], cause?: unknown): PagodaError {
  const issues = taken.map(({ name, path }) => ({ path, message: `the name "${name}" is taken`, code: "NAME_TAKEN" }))
  const all = issues.map(({ message }) => message).join("; ")
  return new PagodaError("NAME_TAKEN", `Cannot store the entry: ${all}`, { issues, cause })
}

export function toCall(user: User, { entity: { id, name } }: EntitySchema, entry?: Entry): HookCall {
  return entry === undefined ? { user, entity: { id, name } } : { user, entity: { id, name }, entry }
}

/** What handlers make of what is to be written. @throws what one of them vetoes with */
export async function runBefore(
  hooks: Hooks,
  write: "create" | "update",
  call: HookCall,
  data: CheckedEntry,
  check: (changed: unknown) => Promise<CheckedEntry>,
): Promise<CheckedEntry> {
  const entity = call.entity?.name ?? ""
  const asked = { ...call, data }
  if (hooks.has("entry.validate", entity)) await hooks.validate("entry.validate", asked)
  const before = `entry.before_${write}` as const
  return hooks.has(before, entity) ? hooks.chain(before, asked, "data", check) : data
}
