import type { Entry, User } from "@pagoda/sdk"
import { PagodaError } from "../../errors.ts"
import type { EntitySchema } from "../entities/schemas.ts"
import type { Entries } from "../entries.ts"
import { checkEntry } from "./check.ts"
import { untilHeld } from "./hold.ts"
import { commit, type EntryParts, namingEntry, runBefore, toCall } from "./parts.ts"
import { together } from "./together.ts"
import { toChanges, toStored } from "./values.ts"
import { type EntryRow, findLevels, toEntry, toHidden } from "./view.ts"
import { checkDeleted, checkVersion } from "./write.ts"

export function createEntryChange(parts: EntryParts): Pick<Entries, "update" | "delete" | "restore"> {
  const { access, hold, hooks, reader, references, writer } = parts

  /** What every change begins with: the entry, for one who may write it, and how he sees it. */
  async function open(user: User, id: number) {
    const viewer = await access.viewer(user)
    const { row, schema } = await reader.entry(viewer, id, "writable")
    const levels = await findLevels(access, viewer, [schema])
    const hidden = toHidden(levels)
    const show = (shown: EntryRow): Entry => toEntry(shown, schema, hidden)
    return { viewer, row, schema, levels, show }
  }

  /** Deletes or restores. */
  async function setActive(
    user: User,
    { row, schema, show }: { row: EntryRow; schema: EntitySchema; show: (row: EntryRow) => Entry },
    { is_active, version }: { is_active: boolean; version?: number | undefined },
  ): Promise<EntryRow> {
    const told = is_active ? "restore" : "delete"
    const before = `entry.before_${told}` as const
    if (hooks.has(before, schema.entity.name)) {
      await hooks.chain(before, toCall(user, schema, show(row)), "data", () => ({}))
    }
    const [written] = await commit(
      parts,
      { schema, told, toCall: (after) => toCall(user, schema, show(after)) },
      async (handle) => {
        const writing = writer.setActive(handle, { user, row, is_active, version })
        const [, after] = await together(hold(handle, schema), writing)
        return [after]
      },
    )
    return written as EntryRow
  }

  return {
    update: (user, id, body, { version, along } = {}) =>
      untilHeld(async () => {
        const { row, show, ...writing } = await open(user, id)
        const { schema } = writing
        checkVersion(row, version)
        const check = (data: unknown) =>
          checkEntry(references, { ...writing, row }, data, `Cannot change entry "${id}"`)
        const data = await runBefore(hooks, "update", toCall(user, schema, show(row)), await check(body), check)
        const { name } = data
        const attrs = toStored(schema, data.attrs)
        const next = { name: name ?? row.name, attrs: { ...row.attrs, ...attrs } }
        if (toChanges(schema, row, next).length === 0) return show(row)

        let merged = row
        const told = (after: EntryRow) => ({ ...toCall(user, schema, show(after)), data })
        await namingEntry(next.name, "name", () =>
          commit(parts, { schema, told: "update", toCall: told, along }, async (handle) => {
            const writing = writer.update(handle, { schema, user, row, name, attrs, version })
            const [, written] = await together(hold(handle, schema), writing)
            merged = written.row
            return written.isChanged ? [written.row] : []
          }),
        )
        return show(merged)
      }),

    delete: (user, id, { version } = {}) =>
      untilHeld(async () => {
        const found = await open(user, id)
        checkVersion(found.row, version)
        await setActive(user, found, { is_active: false, version })
      }),

    restore: (user, id) =>
      untilHeld(async () => {
        const found = await open(user, id)
        checkDeleted(found.row)
        const { is_active, name } = found.schema.entity
        if (!is_active) {
          throw new PagodaError("CONFLICT", `Cannot restore entry "${id}": its entity "${name}" was deleted`)
        }
        const restored = await namingEntry(found.row.name, "name", () => setActive(user, found, { is_active: true }))
        return found.show(restored)
      }),
  }
}
