import type { EntryChange, User } from "@pagoda/sdk"
import { and, eq, sql } from "drizzle-orm"
import type { Database, Transaction } from "../../db/database.ts"
import { PagodaError } from "../../errors.ts"
import type { EntitySchema } from "../entities/schemas.ts"
import type { EntryVersion } from "../entries.ts"
import { EntityMoved } from "./hold.ts"
import { createEntryInsert } from "./insert.ts"
import { entryColumns } from "./reader.ts"
import { together } from "./together.ts"
import { replaceValues, type StoredAttrs, toChanges, toSearch, toValueRows } from "./values.ts"
import type { EntryRow } from "./view.ts"

/** Everything that a change of an entry writes, each for one transaction: the row, its values and its history. */
export function createEntryWriter(database: Database) {
  const { tables, dialect } = database
  const { entry, entry_history } = tables
  const insert = createEntryInsert(database)

  async function record(
    handle: Transaction,
    row: EntryRow,
    action: EntryVersion["action"],
    user: User,
    changes: EntryChange[] = [],
  ): Promise<void> {
    await handle.insert(entry_history).values({ entry_id: row.id, ...toHistory(row, action, user, changes) })
  }

  return {
    /**
     * Where the entity is as the schema says.
     *
     * @param draft.original whose access rule it takes over; left out: it is open to all who may read the entity
     * @param handle may be left out on Postgres, where there is no original: then it is one statement
     * @throws EntityMoved
     */
    async create(
      user: User,
      schema: EntitySchema,
      { name, attrs, original }: { name: string; attrs: StoredAttrs; original?: EntryRow | undefined },
      handle?: Transaction,
    ): Promise<EntryRow> {
      const now = new Date().toISOString()
      const values = {
        name,
        attrs: { ...attrs },
        is_public: original?.is_public ?? true,
        default_permission: original?.default_permission ?? "nothing",
        is_active: true,
        version: 1,
        created_by: user.id,
        created_at: now,
        updated_by: user.id,
        updated_at: now,
      }
      const made = {
        entity: schema.entity,
        row: { ...values, search: toSearch(name, attrs, schema) },
        values: toValueRows(attrs, schema.attributes),
        history: toHistory(values, "create", user, toChanges(schema, undefined, values)),
      }
      const id = await insert(made, handle)
      if (id === undefined) throw new EntityMoved()
      if (handle && original) await copyGrants(handle, original.id, id)
      return { id, ...values }
    },

    /** Merges into what is there by now, which may have all of it already. @throws NOT_FOUND, VERSION_STALE */
    async update(
      handle: Transaction,
      {
        schema,
        user,
        row,
        name,
        attrs,
        version,
      }: {
        schema: EntitySchema
        user: User
        row: EntryRow
        name: string | undefined
        attrs: StoredAttrs
        version: number | undefined
      },
    ): Promise<{ row: EntryRow; isChanged: boolean }> {
      for (let current = row; ; current = await readAgain(handle, row.id)) {
        checkVersion(current, version)
        const next = { name: name ?? current.name, attrs: { ...current.attrs, ...attrs } }
        const changes = toChanges(schema, current, next)
        if (changes.length === 0) return { row: current, isChanged: false }
        const written = { ...next, ...touch(current, user) }
        const done = await handle
          .update(entry)
          .set({ ...written, search: toSearch(next.name, next.attrs, schema) })
          .where(and(eq(entry.id, row.id), eq(entry.version, current.version)))
          .returning({ id: entry.id })
        if (done.length === 0) continue
        const changed = changes.flatMap(({ attribute_id }) => schema.byId.get(attribute_id ?? 0) ?? [])
        const after = { ...current, ...written }
        await together(
          replaceValues(handle, database, row.id, next.attrs, changed),
          record(handle, after, "update", user, changes),
        )
        return { row: after, isChanged: true }
      }
    },

    /** Deletes or restores. @throws NOT_FOUND, CONFLICT, VERSION_STALE */
    async setActive(
      handle: Transaction,
      {
        user,
        row,
        is_active,
        version,
      }: { user: User; row: EntryRow; is_active: boolean; version?: number | undefined },
    ): Promise<EntryRow> {
      for (let current = row; ; current = await readAgain(handle, row.id)) {
        if (is_active) checkDeleted(current)
        else checkVersion(current, version)
        const written = { is_active, ...touch(current, user) }
        const done = await handle
          .update(entry)
          .set(written)
          .where(and(eq(entry.id, row.id), eq(entry.version, current.version)))
          .returning({ id: entry.id })
        if (done.length === 0) continue
        const after = { ...current, ...written }
        await record(handle, after, is_active ? "restore" : "delete", user)
        return after
      }
    },
  }

  async function copyGrants(handle: Transaction, from: number, to: number): Promise<void> {
    const { acl, role } = tables
    const ofOriginal = handle
      .select({
        object_type: acl.object_type,
        object_id: sql<number>`${to}`.as(acl.object_id.name),
        role_id: acl.role_id,
        level: acl.level,
      })
      .from(acl)
      .innerJoin(role, eq(role.id, acl.role_id))
      .where(and(eq(acl.object_type, "entry"), eq(acl.object_id, from)))
    // a role that is being deleted is waited for
    await handle.insert(acl).select(dialect === "postgres" ? ofOriginal.for("key share", { of: role }) : ofOriginal)
  }

  /** Another wrote it in between: from here on it waits. */
  async function readAgain(handle: Transaction, id: number): Promise<EntryRow> {
    const query = handle.select(entryColumns(tables)).from(entry).where(eq(entry.id, id))
    const [row] = await (dialect === "postgres" ? query.for("update") : query)
    if (!row) throw new PagodaError("NOT_FOUND", `There is no entry "${id}"`)
    return row
  }
}

function toHistory(
  { version, updated_at }: Pick<EntryRow, "version" | "updated_at">,
  action: EntryVersion["action"],
  user: User,
  changes: EntryChange[],
) {
  return { version, action, changes, user_id: user.id, username: user.username, created_at: updated_at }
}

function touch({ version }: EntryRow, user: User) {
  return { version: version + 1, updated_by: user.id, updated_at: new Date().toISOString() }
}

/** @throws NOT_FOUND for one that is deleted, VERSION_STALE */
export function checkVersion({ id, is_active, version }: EntryRow, wanted: number | undefined): void {
  if (!is_active) throw new PagodaError("NOT_FOUND", `There is no active entry "${id}": it was deleted`)
  if (wanted === undefined || wanted === version) return
  const message = `it is at version "${version}", "If-Match" wants "${wanted}"; read it again`
  throw new PagodaError("VERSION_STALE", `Cannot change entry "${id}": ${message}`)
}

export function checkDeleted({ id, is_active }: EntryRow): void {
  if (is_active) throw new PagodaError("CONFLICT", `Cannot restore entry "${id}": it is not deleted`)
}

export type EntryWriter = ReturnType<typeof createEntryWriter>
