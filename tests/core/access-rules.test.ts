import { expect, test } from "bun:test"
import type { Level } from "@pagoda/sdk"
import { and, between, eq } from "drizzle-orm"
import fc from "fast-check"
import { lowest } from "../../src/core/access/levels.ts"
import { createAccess } from "../../src/core/access.ts"
import { openCore } from "../../src/core/core.ts"
import { createLog } from "../../src/log.ts"
import { isText, nameOf, type Ruled, textOf, type World, worlds, writeWorld } from "../support/access-world.ts"
import { openTestAccounts } from "../support/accounts.ts"
import { eachDatabase } from "../support/database.ts"

const levels: Level[] = ["nothing", "readable", "writable", "full"]
const rank = (level: Level) => levels.indexOf(level)

/** The definition of `contract.md` §5, in plain words. */
function hasRole(world: World, user: number, role: number): boolean {
  const isIn = (group: number): boolean =>
    world.groups[group]?.members.includes(user) === true ||
    world.groups.some((child, place) => child.parent === group && isIn(place))
  const { users = [], groups = [] } = world.roles[role] ?? {}
  return users.includes(user) || groups.some(isIn)
}

function grantedBy(
  world: World,
  user: number,
  { is_public, default_permission, grants }: Ruled,
  wanted: Level,
): boolean {
  const granting = (level: Level) => rank(level) >= rank(wanted)
  return (
    is_public ||
    granting(default_permission) ||
    grants.some(({ role, level }) => granting(level) && hasRole(world, user, role))
  )
}

function may(world: World, user: number, wanted: Level, ...objects: Ruled[]): boolean {
  const { is_admin, is_readonly } = world.users[user] as World["users"][number]
  if (wanted === "nothing") return true
  if (is_readonly && wanted !== "readable") return false
  return is_admin || objects.every((object) => grantedBy(world, user, object, wanted))
}

eachDatabase((dialect, open) => {
  test("lists and levels are those of the definition, for random users, nested groups, roles and rules", async () => {
    const database = await open()
    const { db, tables } = database
    const access = createAccess(database)
    let base = 1
    const property = fc.asyncProperty(worlds, async (world) => {
      base += 100
      const { userOf } = await writeWorld(database, world, base)
      const here = <Row extends { id: number }>(rows: Row[]) => rows.map(({ id }) => id - base).sort((a, b) => a - b)
      const entityOf = (place: number) => world.entities[place] as Ruled
      for (const user of world.users.keys()) {
        const viewer = await access.viewer(userOf(user))
        for (const level of levels) {
          const onEntity = access.condition(viewer, level, "entity", tables.entity)
          const entries = await db
            .select({ id: tables.entry.id })
            .from(tables.entry)
            .innerJoin(tables.entity, eq(tables.entity.id, tables.entry.entity_id))
            .where(
              and(
                between(tables.entry.id, base, base + 99),
                onEntity,
                access.condition(viewer, level, "entry", tables.entry),
              ),
            )
          expect(here(entries)).toEqual(
            placesWhere(world.entries, (entry) => may(world, user, level, entry, entityOf(entry.entity))),
          )
          const entities = await db
            .select({ id: tables.entity.id })
            .from(tables.entity)
            .where(and(between(tables.entity.id, base, base + 99), onEntity))
          expect(here(entities)).toEqual(placesWhere(world.entities, (entity) => may(world, user, level, entity)))
        }
        const rowsOf = (objects: Ruled[]) => objects.map((object, place) => ({ ...object, id: base + place }))
        const above = await access.ownLevel(viewer, "entity", rowsOf(world.entities))
        for (const [type, objects] of [
          ["attribute", world.attributes],
          ["entry", world.entries],
        ] as const) {
          const own = await access.ownLevel(viewer, type, rowsOf(objects))
          expect(own.size).toBe(objects.length)
          objects.forEach((object, place) => {
            const level = lowest(own.get(base + place) as Level, above.get(base + object.entity) as Level)
            const wanted = levels.findLast((wanted) => may(world, user, wanted, object, entityOf(object.entity)))
            expect(level).toBe(wanted as Level)
          })
        }
      }
    })
    await fc.assert(property, { seed: 20260131, numRuns: dialect === "sqlite" ? 60 : 30 })
  }, 60_000)

  test("nothing that may not be read is listed, counted, summed up, found or told of by a reference", async () => {
    const database = await open()
    const { accounts, lines } = openTestAccounts(database)
    const log = createLog({ level: "debug", format: "json", write: (line) => void lines.push(line) })
    const { entries, entities, entryLists } = openCore({ database, accounts, log })
    const all = { limit: 1000, offset: 0 }
    let base = 1
    const property = fc.asyncProperty(worlds, async (world) => {
      base += 100
      const { userOf } = await writeWorld(database, world, base)
      const here = <Row extends { id: number }>({ results }: { results: Row[] }) =>
        results
          .map(({ id }) => id - base)
          .filter((place) => place >= 0 && place < 100)
          .sort((a, b) => a - b)
      const entityOf = ({ entity }: { entity: number }) => world.entities[entity] as Ruled
      for (const place of world.users.keys()) {
        const user = userOf(place)
        const sees = (object: Ruled & { entity: number }) => may(world, place, "readable", object, entityOf(object))
        const visible = placesWhere(world.entries, sees)
        const attributesOf = (entity: number) =>
          placesWhere(world.attributes, (attribute) => attribute.entity === entity && sees(attribute))
        const namesOf = (entity: number) => attributesOf(entity).map((attribute) => `attribute-${attribute}`)

        const listed = await entryLists.list(user, all)
        expect(here(listed)).toEqual(visible)
        expect(await entryLists.count(user, {})).toBe(listed.count)
        for (const { id, attrs } of listed.results.filter(({ id }) => id >= base)) {
          expect(Object.keys(attrs).sort()).toEqual(namesOf(world.entries[id - base]?.entity as number))
          expect((await entries.get(user, id)).attrs).toEqual(attrs)
        }
        expect(here(await entryLists.search(user, nameOf(base), all))).toEqual(visible)
        for (const attribute of world.attributes.keys()) {
          const { entity } = world.attributes[attribute] as { entity: number }
          const isShown = isText(attribute) && attributesOf(entity).includes(attribute)
          const having = visible.filter((entry) => isShown && world.entries[entry]?.entity === entity)
          expect(here(await entryLists.search(user, textOf(base, attribute), all))).toEqual(having)
        }
        const sums = await entryLists.aggregate(user, { group_by: "entity" })
        for (const entity of world.entities.keys()) {
          const sum = sums.find(({ entity: { id } }) => id === base + entity)
          expect(sum?.count ?? 0).toBe(visible.filter((entry) => world.entries[entry]?.entity === entity).length)
        }
        const shown = await entities.list(user, all)
        expect(here(shown)).toEqual(placesWhere(world.entities, (entity) => may(world, place, "readable", entity)))
        for (const { id, attrs } of shown.results.filter(({ id }) => id >= base)) {
          expect(attrs.map(({ name }) => name).sort()).toEqual(namesOf(id - base))
        }
        const referring = visible.filter((entry) =>
          attributesOf(world.entries[entry]?.entity as number).some((attribute) => !isText(attribute)),
        )
        const referrals = entries.referrals(user, base, all)
        if (visible.includes(0)) expect(here(await referrals)).toEqual(referring)
        else await expect(referrals).rejects.toMatchObject({ code: "NOT_FOUND" })
      }
    })
    await fc.assert(property, { seed: 20260201, numRuns: dialect === "sqlite" ? 50 : 20 })
  }, 60_000)
})

function placesWhere<Item>(items: Item[], isWanted: (item: Item) => boolean): number[] {
  return [...items.keys()].filter((place) => isWanted(items[place] as Item))
}
