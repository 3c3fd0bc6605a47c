import type { Entry, EntryChange, Time, User } from "@pagoda/sdk"
import type { Database } from "../db/database.ts"
import { PagodaError, toMessage } from "../errors.ts"
import type { Access } from "./access.ts"
import type { References } from "./entities/references.ts"
import type { EntitySchema, Schemas } from "./entities/schemas.ts"
import { createEntryChange } from "./entries/change.ts"
import { createEntryCreation } from "./entries/creation.ts"
import { createEntryHistory } from "./entries/history.ts"
import { createHold } from "./entries/hold.ts"
import { type Along, toCall } from "./entries/parts.ts"
import { createEntryReader } from "./entries/reader.ts"
import { createEntryReferrals } from "./entries/referrals.ts"
import { findHidden, toEntry } from "./entries/view.ts"
import { createEntryWriter } from "./entries/write.ts"
import { isObject } from "./fields.ts"
import type { Hooks } from "./hooks.ts"

/** What was sent: nothing of it is checked yet. `name` and `attrs` are known, anything else is refused. */
export type EntryBody = { readonly [field: string]: unknown }

/** What one may do with the entries of an entity, or with one entry. */
export type EntryOperation = "create" | "retrieve" | "update" | "delete" | "list"

export type PageRequest = { limit: number; offset: number }
export type Slice<Item> = { count: number; results: Item[] }

/** One version of an entry, as its history has it. */
export type EntryVersion = {
  version: number
  action: "create" | "update" | "delete" | "restore"
  changes: EntryChange[]
  user: { id: string; username: string }
  created_at: Time
}

/** Who asks and about what, after the access check: what an override is told. */
export type Authorized = { schema: EntitySchema; entry?: Entry }

export type Entries = {
  /** @throws NOT_FOUND, FORBIDDEN, VALIDATION_FAILED, NAME_TAKEN */
  create(user: User, entity: number | string, body: EntryBody, options?: { along?: Along }): Promise<Entry>
  /** An inactive one too. @throws NOT_FOUND */
  get(user: User, id: number): Promise<Entry>
  /** Merges. @throws VERSION_STALE where it is not at `version` any more */
  update(
    user: User,
    id: number,
    body: EntryBody,
    options?: { version?: number | undefined; along?: Along },
  ): Promise<Entry>
  delete(user: User, id: number, options?: { version?: number | undefined }): Promise<void>
  /** @throws NAME_TAKEN; CONFLICT where it is not deleted */
  restore(user: User, id: number): Promise<Entry>
  /** All of the names or none. */
  copy(user: User, id: number, body: { readonly [field: string]: unknown }): Promise<Entry[]>
  /** Newest first. */
  history(user: User, id: number, page: PageRequest): Promise<Slice<EntryVersion>>
  /** The active entries that refer to it. */
  referrals(user: User, id: number, page: PageRequest): Promise<Slice<Entry>>
  /** The access check of an operation alone, for who answers it in another way. @throws NOT_FOUND, FORBIDDEN */
  authorize(
    user: User,
    operation: EntryOperation,
    target: { entity: number | string } | { entry: number },
  ): Promise<Authorized>
}

export type EntriesOptions = {
  database: Database
  access: Access
  schemas: Schemas
  references: References
  hooks: Hooks
}

export function createEntries({ database, access, schemas, references, hooks }: EntriesOptions): Entries {
  const reader = createEntryReader(database, access, schemas)
  const writer = createEntryWriter(database)
  const hold = createHold(database)
  const parts = { database, access, schemas, references, hooks, hold, reader, writer }

  return {
    ...createEntryCreation(parts),
    ...createEntryChange(parts),
    ...createEntryHistory(parts),
    ...createEntryReferrals(parts),

    async get(user, id) {
      const viewer = await access.viewer(user)
      const { row, schema } = await reader.entry(viewer, id, "readable")
      const entry = toEntry(row, schema, await findHidden(access, viewer, [schema]))
      if (!hooks.has("entry.get_attrs", schema.entity.name)) return entry
      const call = { ...toCall(user, schema, entry), attrs: entry.attrs }
      return { ...entry, attrs: await hooks.chain("entry.get_attrs", call, "attrs", toAnswer) }
    },

    async authorize(user, operation, target) {
      const viewer = await access.viewer(user)
      const wanted = operation === "retrieve" || operation === "list" ? "readable" : "writable"
      if ("entity" in target) return { schema: await reader.entity(viewer, target.entity, wanted) }
      const { row, schema } = await reader.entry(viewer, target.entry, wanted)
      return { schema, entry: toEntry(row, schema, await findHidden(access, viewer, [schema])) }
    },
  }
}

/** What a handler makes of an entry's values: whatever it is, as long as it is JSON. */
function toAnswer(changed: unknown): Entry["attrs"] {
  const refuse = (cause?: unknown) =>
    new PagodaError("VALIDATION_FAILED", `The values are ${toMessage(cause)}, wanted an object of JSON`, { cause })
  if (!isObject(changed)) throw refuse(typeof changed)
  try {
    return JSON.parse(JSON.stringify(changed))
  } catch (error) {
    throw refuse(error)
  }
}
