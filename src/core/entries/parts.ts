import type { Entry, User } from "@pagoda/sdk"
import type { Database, Transaction } from "../../db/database.ts"
import { type DatabaseError, isUniqueViolation } from "../../db/database-error.ts"
import { PagodaError } from "../../errors.ts"
import type { Access } from "../access.ts"
import type { References } from "../entities/references.ts"
import type { EntitySchema, Schemas } from "../entities/schemas.ts"
import type { HookCall, Hooks } from "../hooks.ts"
import type { CheckedEntry } from "./check.ts"
import type { Hold } from "./hold.ts"
import type { EntryReader } from "./reader.ts"
import type { EntryRow } from "./view.ts"
import type { EntryWriter } from "./write.ts"

/** What the operations on entries are made of. */
export type EntryParts = {
  readonly database: Database
  readonly access: Access
  readonly schemas: Schemas
  readonly references: References
  readonly hooks: Hooks
  readonly hold: Hold
  readonly reader: EntryReader
  readonly writer: EntryWriter
}

/** What is written beside an entry, in its transaction: tried again with it, and not at all where nothing changed. */
export type Along = (handle: Transaction) => Promise<unknown>

type Committing = {
  readonly schema: EntitySchema
  readonly told: "create" | "update" | "delete" | "restore"
  readonly toCall: (row: EntryRow) => HookCall
  readonly along?: Along | undefined
}

/** One transaction, with what is to be delivered of it; then all others are told. */
export async function commit(
  { database, hooks }: EntryParts,
  { schema, told, toCall, along }: Committing,
  write: (handle: Transaction) => Promise<EntryRow[]>,
): Promise<EntryRow[]> {
  const name = `entry.after_${told}` as const
  const isHeard = hooks.has(name, schema.entity.name)
  let calls: HookCall[] = []
  const rows = await database.transaction(async (handle) => {
    const written = await write(handle)
    if (written.length > 0) await along?.(handle)
    calls = isHeard ? written.map(toCall) : []
    for (const call of calls) await hooks.enqueue(handle, name, call)
    return written
  })
  for (const call of calls) await hooks.after(name, call)
  return rows
}

/** One statement is a transaction by itself, where nothing has to be written with it. */
export function isWhole({ database, hooks }: EntryParts, { schema, told, along }: Committing): boolean {
  return database.dialect === "postgres" && !along && !hooks.isDurable(`entry.after_${told}`, schema.entity.name)
}

/** What `commit` does, for what `isWhole`. */
export async function commitWhole(
  { hooks }: EntryParts,
  { schema, told, toCall }: Committing,
  write: () => Promise<EntryRow>,
): Promise<EntryRow[]> {
  const row = await write()
  const name = `entry.after_${told}` as const
  if (hooks.has(name, schema.entity.name)) await hooks.after(name, toCall(row))
  return [row]
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
