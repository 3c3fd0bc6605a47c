import type { Level, User } from "@pagoda/sdk"
import fc from "fast-check"
import type { ObjectType } from "../../src/core/access.ts"
import { toSearchDocument } from "../../src/core/search/text.ts"
import type { Database } from "../../src/db/database.ts"

/** Users, nested groups, roles, objects and what is granted on them; everything is known by its place in its list. */
export type World = {
  users: { is_admin: boolean; is_readonly: boolean }[]
  groups: { parent: number | null; members: number[] }[]
  roles: { users: number[]; groups: number[]; admin_users: number[]; admin_groups: number[] }[]
  entities: Ruled[]
  attributes: (Ruled & { entity: number })[]
  entries: (Ruled & { entity: number })[]
}

export type Ruled = { is_public: boolean; default_permission: Level; grants: { role: number; level: Level }[] }

const levels: Level[] = ["nothing", "readable", "writable", "full"]
const sizes = { users: 3, groups: 5, roles: 4, entities: 3 }

const placesOf = (size: number) => fc.uniqueArray(fc.nat(size - 1), { maxLength: 3 })
const rule = {
  is_public: fc.boolean(),
  default_permission: fc.constantFrom(...levels, "nothing" as const, "nothing" as const),
  grants: fc.uniqueArray(fc.record({ role: fc.nat(sizes.roles - 1), level: fc.constantFrom(...levels) }), {
    selector: ({ role }) => role,
    maxLength: 3,
  }),
}
const below = fc.record({ ...rule, entity: fc.nat(sizes.entities - 1) })

export const worlds: fc.Arbitrary<World> = fc.record({
  users: fc.array(
    fc.record({
      is_admin: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
      is_readonly: fc.boolean(),
    }),
    { minLength: sizes.users, maxLength: sizes.users },
  ),
  groups: fc
    .tuple(
      ...Array.from({ length: sizes.groups }, (_, place) =>
        fc.record({
          parent: place === 0 ? fc.constant(null) : fc.option(fc.nat(place - 1), { freq: 4 }),
          members: placesOf(sizes.users),
        }),
      ),
    )
    .map((groups) => [...groups]),
  roles: fc.array(
    fc.record({
      users: placesOf(sizes.users),
      groups: placesOf(sizes.groups),
      admin_users: placesOf(sizes.users),
      admin_groups: placesOf(sizes.groups),
    }),
    { minLength: sizes.roles, maxLength: sizes.roles },
  ),
  entities: fc.array(fc.record(rule), { minLength: sizes.entities, maxLength: sizes.entities }),
  attributes: fc.array(below, { minLength: 2, maxLength: 5 }),
  entries: fc.array(below, { minLength: 3, maxLength: 8 }),
})

/** Other attributes refer to the first entry. */
export const isText = (attribute: number) => attribute % 2 === 0
/** What entries of the world are called, and what a text of theirs says. */
export const nameOf = (base: number) => `world${base}entry`
export const textOf = (base: number, attribute: number) => `world${base}text${attribute}`

/** The rows of a world beside those of others: an id is `base` and the place in the list. */
export async function writeWorld({ tables, transaction }: Database, world: World, base: number) {
  const now = new Date()
  const userOf = (place: number): User => ({
    id: `user-${base + place}`,
    username: `user-${base + place}`,
    email: null,
    is_active: true,
    is_admin: false,
    is_readonly: false,
    ...world.users[place],
  })
  const made = { version: 1, created_by: "test", updated_by: "test", ...times(now) }
  const own = ({ is_public, default_permission }: Ruled) => ({ is_public, default_permission })

  await transaction(async (handle) => {
    const insert = async <Row>(table: unknown, rows: Row[]) => {
      if (rows.length > 0) await handle.insert(table as never).values(rows as never)
    }
    await insert(
      tables.user,
      world.users.map((_, place) => {
        const { id, username, is_admin, is_readonly } = userOf(place)
        const names = { name: username, username, displayUsername: username, email: `${id}@user.invalid` }
        return { id, ...names, is_admin, is_readonly, createdAt: now, updatedAt: now }
      }),
    )
    await insert(
      tables.group,
      world.groups.map(({ parent }, place) => ({
        id: base + place,
        name: `group-${base + place}`,
        parent_group_id: parent === null ? null : base + parent,
      })),
    )
    await insert(
      tables.group_member,
      world.groups.flatMap(({ members }, place) =>
        members.map((user) => ({ group_id: base + place, user_id: userOf(user).id })),
      ),
    )
    await insert(
      tables.role,
      world.roles.map((_, place) => ({ id: base + place, name: `role-${base + place}` })),
    )
    await insert(
      tables.role_member,
      world.roles.flatMap(({ users, groups, admin_users, admin_groups }, place) => {
        const role_id = base + place
        const toUsers = (is_admin: boolean) => (user: number) => ({
          ...{ role_id, is_admin },
          ...{ member_type: "user", member_id: userOf(user).id },
        })
        const toGroups = (is_admin: boolean) => (group: number) => ({
          ...{ role_id, is_admin },
          ...{ member_type: "group", member_id: String(base + group) },
        })
        return [
          ...users.map(toUsers(false)),
          ...admin_users.map(toUsers(true)),
          ...groups.map(toGroups(false)),
          ...admin_groups.map(toGroups(true)),
        ]
      }),
    )
    await insert(
      tables.entity,
      world.entities.map((entity, place) => ({
        id: base + place,
        name: `entity-${base + place}`,
        ...own(entity),
        ...made,
      })),
    )
    await insert(
      tables.attribute,
      world.attributes.map(({ entity, ...rule }, place) => ({
        ...{ id: base + place, entity_id: base + entity, name: `attribute-${place}`, ...own(rule) },
        ...{ type: isText(place) ? "string" : "object", index: place },
        ...{ referral: [], choices: [], default_value: null },
      })),
    )
    const attributesOf = (entity: number) =>
      [...world.attributes.keys()].filter((place) => world.attributes[place]?.entity === entity)
    await insert(
      tables.entry,
      world.entries.map(({ entity, ...rule }, place) => {
        const values = attributesOf(entity).map((place) => [base + place, isText(place) ? textOf(base, place) : base])
        const texts = values.map(([, value]) => (typeof value === "string" ? value : null))
        const name = `${nameOf(base)}-${place}`
        const stored = { name, attrs: Object.fromEntries(values), search: toSearchDocument(name, texts) }
        return { id: base + place, entity_id: base + entity, ...stored, ...own(rule), ...made }
      }),
    )
    await insert(
      tables.entry_value,
      world.entries.flatMap(({ entity }, entry) =>
        attributesOf(entity).map((place) => ({
          ...{ entry_id: base + entry, attribute_id: base + place, position: 0 },
          ...(isText(place) ? { text: textOf(base, place) } : { ref_id: base }),
        })),
      ),
    )
    const acls = (object_type: ObjectType, objects: Ruled[]) =>
      objects.flatMap(({ grants }, place) =>
        grants.map(({ role, level }) => ({ object_type, object_id: base + place, role_id: base + role, level })),
      )
    await insert(tables.acl, [
      ...acls("entity", world.entities),
      ...acls("attribute", world.attributes),
      ...acls("entry", world.entries),
    ])
  })
  return { userOf }
}

function times(now: Date) {
  return { created_at: now.toISOString(), updated_at: now.toISOString() }
}
