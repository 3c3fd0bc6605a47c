import { describe, expect, test } from "bun:test"
import type { Level, User } from "@pagoda/sdk"
import { highest, lowest } from "../../src/core/access/levels.ts"
import type { Viewer } from "../../src/core/access/viewer.ts"
import { createAccess, requireLevel, systemUser } from "../../src/core/access.ts"
import { eachDatabase, type OpenTestDatabase } from "../support/database.ts"

const plain: User = { ...systemUser, id: "ana", username: "ana", is_admin: false }
const admin: User = { ...plain, id: "admin", username: "admin", is_admin: true }
const rule = (id: number, is_public: boolean, default_permission: Level = "nothing") => ({
  ...{ id, is_public, default_permission },
})

/** Access, and how many statements a piece of work with it takes. */
async function openCounted(open: OpenTestDatabase) {
  const statements: string[] = []
  const place = { ...(await open.place()), onStatement: (text: string) => void statements.push(text) }
  const access = createAccess(await open({ place }))
  const count = async (work: () => Promise<unknown>) => {
    statements.length = 0
    await work()
    return statements.length
  }
  return { access, count }
}

eachDatabase((_, open) => {
  describe("viewer()", () => {
    test("takes one statement, and none for an admin and for the system", async () => {
      const { access, count } = await openCounted(open)
      expect(await count(() => access.viewer(plain))).toBe(1)
      for (const user of [admin, systemUser]) {
        expect(await count(() => access.viewer(user))).toBe(0)
        expect(await access.viewer(user)).toEqual({ user, isAll: true, roleIds: [] })
      }
    })

    test("finds the roles of a user, of his groups and of their parents, each once, and ends where groups go in a circle", async () => {
      const database = await open()
      const { db, tables } = database
      const role = (id: number) => ({ id, name: `role ${id}` })
      await db.insert(tables.role).values([1, 2, 3, 4, 5].map(role))
      await db.insert(tables.group).values([
        { id: 1, name: "one", parent_group_id: 2 },
        { id: 2, name: "two", parent_group_id: 3 },
        { id: 3, name: "three", parent_group_id: 1 },
        { id: 4, name: "four", parent_group_id: 1 },
      ])
      await db.insert(tables.group_member).values({ group_id: 1, user_id: "ana" })
      const group = (role_id: number, id: number) => ({ role_id, member_type: "group" as const, member_id: String(id) })
      await db.insert(tables.role_member).values([
        { role_id: 1, member_type: "user", member_id: "ana", is_admin: false },
        { ...group(1, 2), is_admin: false },
        { ...group(2, 3), is_admin: false },
        { ...group(3, 4), is_admin: false },
        { ...group(4, 1), is_admin: true },
        { role_id: 5, member_type: "user", member_id: "1", is_admin: false },
      ])
      const { roleIds } = await createAccess(database).viewer(plain)
      expect(roleIds.toSorted()).toEqual([1, 2])
      expect((await createAccess(database).viewer({ ...plain, id: "ben" })).roleIds).toEqual([])
    })
  })

  describe("ownLevel()", () => {
    const withRoles: Viewer = { user: plain, isAll: false, roleIds: [1] }

    test("asks nothing where the rows say it all, and once for many that do not", async () => {
      const { access, count } = await openCounted(open)
      const open_rows = [rule(1, true), rule(2, false, "full")]
      const closed_rows = Array.from({ length: 500 }, (_, id) => rule(id + 1, false))
      const statements = (viewer: Viewer, rows: ReturnType<typeof rule>[]) =>
        count(() => access.ownLevel(viewer, "entry", rows))
      expect(await statements(withRoles, open_rows)).toBe(0)
      expect(await statements({ ...withRoles, roleIds: [] }, closed_rows)).toBe(0)
      expect(await statements({ user: admin, isAll: true, roleIds: [] }, closed_rows)).toBe(0)
      expect(await statements(withRoles, closed_rows)).toBe(1)
      expect(await access.ownLevel(withRoles, "entry", [])).toEqual(new Map())
    })

    test("is never above readable for who is read-only, an admin too", async () => {
      const access = createAccess(await open())
      const rows = [rule(1, true), rule(2, false), rule(3, false, "writable")]
      const read = async (viewer: Viewer) => [...(await access.ownLevel(viewer, "entity", rows)).values()]
      expect(await read({ ...withRoles, user: { ...plain, is_readonly: true } })).toEqual([
        "readable",
        "nothing",
        "readable",
      ])
      const reader = await access.viewer({ ...admin, is_readonly: true })
      expect(await read(reader)).toEqual(["readable", "readable", "readable"])
    })
  })
})

test("requireLevel() tells nothing of what may not be read", () => {
  requireLevel("full", "writable", 'entry "1"')
  expect(() => requireLevel("nothing", "readable", 'entry "1"')).toThrow('There is no entry "1"')
  expect(() => requireLevel("nothing", "full", 'entry "1"')).toThrow('There is no entry "1"')
  expect(() => requireLevel("readable", "full", 'entry "1"')).toThrow(
    'Cannot change the entry "1": your level on it is "readable", wanted "full"',
  )
})

test("highest() and lowest() of two levels", () => {
  expect(highest("readable", "full")).toBe("full")
  expect(lowest("readable", "full")).toBe("readable")
  expect(lowest("nothing", "writable")).toBe("nothing")
  expect(highest("writable", "nothing")).toBe("writable")
})
