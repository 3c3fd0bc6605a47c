import type { User } from "@pagoda/sdk"
import { Type as t } from "@sinclair/typebox"
import { and, asc, count, eq, inArray, sql } from "drizzle-orm"
import type { Database, Transaction } from "../../db/database.ts"
import { PagodaError } from "../../errors.ts"
import type { Audit } from "../audit.ts"
import { parseBody } from "../body.ts"
import { checkName, naming } from "../name.ts"
import { refuseIssues } from "../refuse.ts"
import { inTurn, membersTurn } from "../turn.ts"
import { inParts, knownUsers, memberIds, memberList, toUnknown } from "./members.ts"
import { refuseReferred } from "./referred.ts"
import { requireAdmin, requireAdminWriter } from "./require-admin.ts"

/** Users, and through its child groups more of them: a role of a group is a role of all. */
export type Group = { id: number; name: string; parent_group_id: number | null; members: string[] }

const id = t.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })
const fields = {
  parent_group_id: t.Optional(t.Union([id, t.Null()])),
  members: t.Optional(memberList(memberIds.user)),
}
const groupBody = t.Object({ name: t.Optional(t.Unknown()), ...fields }, { additionalProperties: false })

type Page = { limit: number; offset: number }
type Fields = { name?: string; parent_group_id?: number | null; members?: string[] }

/** All of it for admins. */
export type Groups = {
  list(user: User, page: Page): Promise<{ count: number; results: Group[] }>
  get(user: User, id: number): Promise<Group>
  create(user: User, body: unknown): Promise<Group>
  update(user: User, id: number, body: unknown): Promise<Group>
  delete(user: User, id: number): Promise<void>
}

export function createGroups(database: Database, audit: Audit): Groups {
  const { db, tables } = database
  const { group, group_member: member } = tables

  async function read(handle: Pick<Transaction, "select">, rows: (typeof group.$inferSelect)[]): Promise<Group[]> {
    const found = new Map(rows.map((row) => [row.id, { ...row, members: [] as string[] }]))
    if (rows.length === 0) return []
    const members = await handle
      .select()
      .from(member)
      .where(inArray(member.group_id, [...found.keys()]))
      .orderBy(asc(member.user_id))
    for (const { group_id, user_id } of members) found.get(group_id)?.members.push(user_id)
    return [...found.values()]
  }

  async function readOne(handle: Pick<Transaction, "select">, id: number): Promise<Group> {
    const [found] = await read(handle, await handle.select().from(group).where(eq(group.id, id)))
    if (!found) throw new PagodaError("NOT_FOUND", `There is no group "${id}"`)
    return found
  }

  async function check(handle: Transaction, what: string, { members = [], parent_group_id }: Fields, id?: number) {
    const known = await knownUsers(handle, tables, members)
    refuseIssues(`Cannot ${what}`, [
      ...toUnknown("user", "members", members, known),
      ...(parent_group_id ? await checkParent(handle, parent_group_id, id) : []),
    ])
  }

  async function checkParent(handle: Transaction, parent: number, id: number | undefined) {
    const path = "parent_group_id"
    const above = await handle
      .select({ id: group.id })
      .from(group)
      .where(inArray(group.id, upwards(parent)))
    if (above.length === 0) return [{ path, code: "GROUP_UNKNOWN", message: `there is no group "${parent}"` }]
    if (!above.some((one) => one.id === id)) return []
    return [{ path, code: "GROUP_CYCLE", message: `group "${parent}" is the group "${id}" or below it` }]
  }

  function upwards(from: number) {
    return sql`(with recursive above(id) as (
      select ${group.id} from ${group} where ${group.id} = ${from}
      union
      select ${group.parent_group_id} from ${group} inner join above on ${group.id} = above.id
      where ${group.parent_group_id} is not null
    ) select id from above)`
  }

  async function setMembers(handle: Transaction, id: number, members: readonly string[]): Promise<void> {
    await handle.delete(member).where(eq(member.group_id, id))
    for (const part of inParts(members)) {
      await handle.insert(member).values(part.map((user_id) => ({ group_id: id, user_id })))
    }
  }

  return {
    async list(user, { limit, offset }) {
      requireAdmin(user, "see the groups")
      const [all] = await db.select({ count: count() }).from(group)
      const rows = await db.select().from(group).orderBy(asc(group.id)).limit(limit).offset(offset)
      return { count: all?.count ?? 0, results: await read(db, rows) }
    },

    async get(user, id) {
      requireAdmin(user, "see the group")
      return readOne(db, id)
    },

    async create(user, body) {
      const what = "make the group"
      requireAdminWriter(user, what)
      const parsed = parseBody(what, groupBody, body, ({ name }) => checkName(name, "group")) as Fields & {
        name: string
      }
      return naming("group", parsed.name, () =>
        inTurn(database, membersTurn, async (handle) => {
          await check(handle, what, parsed)
          const { name, parent_group_id = null, members = [] } = parsed
          const [row] = await handle.insert(group).values({ name, parent_group_id }).returning({ id: group.id })
          const { id } = row as { id: number }
          await setMembers(handle, id, members)
          const made = await readOne(handle, id)
          await audit(handle, user, "create", "group", id, made)
          return made
        }),
      )
    },

    async update(user, id, body) {
      const what = `change the group "${id}"`
      requireAdminWriter(user, what)
      const changes = parseBody(what, groupBody, body, ({ name }) =>
        name === undefined ? [] : checkName(name, "group"),
      ) as Fields
      return naming("group", changes.name, () =>
        inTurn(database, membersTurn, async (handle) => {
          await readOne(handle, id)
          await check(handle, what, changes, id)
          const { members, ...columns } = changes
          if (Object.keys(columns).length > 0) await handle.update(group).set(columns).where(eq(group.id, id))
          if (members) await setMembers(handle, id, members)
          await audit(handle, user, "update", "group", id, changes)
          return readOne(handle, id)
        }),
      )
    },

    async delete(user, id) {
      const what = `delete the group "${id}"`
      requireAdminWriter(user, what)
      await inTurn(database, membersTurn, async (handle) => {
        const { name } = await readOne(handle, id)
        const [child] = await handle.select().from(group).where(eq(group.parent_group_id, id)).limit(1)
        if (child) {
          throw new PagodaError(
            "CONFLICT",
            `Cannot ${what}: group "${child.name}" is below it; move or delete that first`,
          )
        }
        await refuseReferred(handle, tables, "group", id, what)
        const { role_member } = tables
        await handle
          .delete(role_member)
          .where(and(eq(role_member.member_type, "group"), eq(role_member.member_id, String(id))))
        await handle.delete(group).where(eq(group.id, id))
        await audit(handle, user, "delete", "group", id, { name })
      })
    },
  }
}
