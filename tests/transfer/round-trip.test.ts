import { expect, test } from "bun:test"
import type { AttributeType, Json } from "@pagoda/sdk"
import { parse } from "csv-parse/sync"
import fc from "fast-check"
import { attributeTypes } from "../../src/core/kinds.ts"
import type { FormatName } from "../../src/transfer/format.ts"
import { rootUser } from "../support/core.ts"
import { eachDatabase } from "../support/database.ts"
import { nastyText } from "../support/nasty-text.ts"
import { openTestTransfer } from "../support/transfer.ts"

const choices = ["a", "=b", "'=c", "d,e", ' "f" ', "ünïcödé 🐘"]

/** What an entry may hold, of every type; `targets`, groups and roles are there. */
function valuesOf(targets: number[], groups: number[], roles: number[]): Record<AttributeType, fc.Arbitrary<Json>> {
  const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (Object.is(value, -0) ? 0 : value))
  const target = fc.constantFrom(...targets)
  const named = fc.record({ name: nastyText, id: fc.option(target) })
  const array = (item: fc.Arbitrary<Json>) => fc.array(item, { maxLength: 3 })
  const day = fc.date({ min: new Date("0001-01-01"), max: new Date("9999-12-31"), noInvalidDate: true })
  const single = {
    string: nastyText,
    text: nastyText,
    boolean: fc.boolean(),
    number,
    date: day.map((date) => date.toISOString().slice(0, 10)),
    datetime: day.map((date) => date.toISOString()),
    select: fc.constantFrom(...choices),
    object: target,
    named_object: named,
    group: fc.constantFrom(...groups),
    role: fc.constantFrom(...roles),
  }
  return {
    ...(Object.fromEntries(
      Object.entries(single).map(([type, one]) => [type, fc.option(one as fc.Arbitrary<Json>)]),
    ) as Record<keyof typeof single, fc.Arbitrary<Json>>),
    multi_select: fc.uniqueArray(fc.constantFrom(...choices)),
    array_string: array(nastyText),
    array_number: array(number),
    array_object: array(target),
    array_named_object: array(named),
    array_group: array(single.group),
    array_role: array(single.role),
  }
}

const entryName = nastyText
  .map((name) => name.replaceAll("\0", "").toWellFormed().slice(0, 100))
  .filter((name) => name.trim() !== "")

eachDatabase((_dialect, open) => {
  test.each<FormatName>(["csv", "json"])(
    "an entity that is exported as %s and imported again has equal entries, of every type",
    async (format) => {
      const database = await open()
      const { core, ...transfer } = openTestTransfer(database)
      const { db, tables } = database
      const idsOf = async (table: typeof tables.group | typeof tables.role) =>
        (
          await db
            .insert(table)
            .values([{ name: "one" }, { name: "two" }])
            .returning({ id: table.id })
        ).map(({ id }) => id)
      const place = await core.entities.create(rootUser, { name: "Place" })
      const targets: number[] = []
      for (const name of ["x", "y"]) targets.push((await core.entries.create(rootUser, place.id, { name })).id)
      const values = valuesOf(targets, await idsOf(tables.group), await idsOf(tables.role))
      const titles = ["id", "name", "attrs.id", "=type", ...attributeTypes]
      const attrs = attributeTypes.map((type, at) => ({
        name: titles[at < 4 ? at : at + 4]!,
        type,
        choices: type.endsWith("select") ? choices : [],
      }))
      const one = fc.record(Object.fromEntries(attrs.map(({ name, type }) => [name, values[type]])))
      const entries = fc.uniqueArray(fc.tuple(entryName, one), {
        minLength: 1,
        maxLength: 8,
        selector: ([name]) => name,
      })

      let round = 0
      await fc.assert(
        fc.asyncProperty(entries, async (written) => {
          const [from, to] = [
            await core.entities.create(rootUser, { name: `From ${++round}`, attrs }),
            await core.entities.create(rootUser, { name: `To ${round}`, attrs }),
          ]
          for (const [name, attrs] of written) await core.entries.create(rootUser, from.id, { name, attrs })
          const stored = await transfer.entries(from)

          const { file, error } = await transfer.export(from, format)
          expect(error).toBeUndefined()
          const again = await transfer.import(from, format, file)
          expect(again).toMatchObject({ isWarning: false, result: { unchanged: written.length, errors: [] } })

          const copied = await transfer.import(to, format, withoutIds(file, format))
          expect(copied).toMatchObject({ isWarning: false, result: { created: written.length, errors: [] } })
          expect(await transfer.entries(to)).toEqual(stored)

          for (const { id } of (await core.entryLists.list(rootUser, { entity: from.id })).results) {
            await core.entries.update(rootUser, id, { name: `changed ${id}`, attrs: emptied })
          }
          const restored = await transfer.import(from, format, file)
          expect(restored).toMatchObject({ isWarning: false, result: { failed: 0 } })
          expect(await transfer.entries(from)).toEqual(stored)
        }),
        { numRuns: 20 },
      )
    },
    60_000,
  )
})

const emptied = Object.fromEntries(["id", "name", "attrs.id"].map((name) => [name, null]))

/** As one leaves the column out to make copies. */
function withoutIds(file: string, format: FormatName): string {
  if (format === "csv") {
    const quote = (cell: string) => `"${cell.replaceAll('"', '""')}"`
    const records: string[][] = parse(file, { bom: true, cast: (cell, { quoting }) => (quoting ? quote(cell) : cell) })
    return records.map(([_id, ...cells]) => cells.join(",")).join("\r\n")
  }
  return JSON.stringify(JSON.parse(file).map(({ id: _id, ...rest }: { id: number }) => rest))
}
