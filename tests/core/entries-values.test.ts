import { expect, test } from "bun:test"
import type { AttributeType, Json } from "@pagoda/sdk"
import fc from "fast-check"
import { attributeTypes } from "../../src/core/kinds.ts"
import { PagodaError } from "../../src/errors.ts"
import { openTestCore, rootUser as root } from "../support/core.ts"
import { eachDatabase } from "../support/database.ts"

/** Any JSON, and much that is nearly what a type wants. */
function anyValue(entry: number): fc.Arbitrary<Json> {
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("\0", "\ud800", "a\udc00b", "x".repeat(65_536), "x".repeat(65_537), "é".repeat(32_769), "a", "b"),
    fc.constantFrom("2024-02-29", "2023-02-29", "2026-01-31T12:00:00Z", "2026-01-31T12:00:00.123Z", "0000-01-01"),
  )
  const number = fc.oneof(fc.double(), fc.integer(), fc.constantFrom(entry, entry + 1000, -0, 0.1, 1e308, 5e-324))
  const scalar = fc.oneof(text, number, fc.boolean(), fc.constant(null))
  const named = fc.record(
    { name: fc.oneof(text, scalar), id: fc.constantFrom<Json>(entry, null, -1, 7.5, "1") },
    { requiredKeys: [] },
  )
  const one = fc.oneof(scalar, named, fc.jsonValue() as fc.Arbitrary<Json>)
  return fc.oneof(
    one,
    fc.array(one, { maxLength: 4 }),
    fc.array(text, { maxLength: 3 }),
    fc.array(named, { maxLength: 3 }),
  ) as fc.Arbitrary<Json>
}

/** Values that say the same in another way. */
function isSame(type: AttributeType, given: Json, stored: Json): boolean {
  if (given === null && Array.isArray(stored)) return stored.length === 0
  if (type.endsWith("named_object")) {
    const filled = (value: Json): Json => {
      if (Array.isArray(value)) return value.map(filled)
      return value === null ? null : { name: "", id: null, ...(value as object) }
    }
    return Bun.deepEquals(toPlain(filled(given)), toPlain(stored))
  }
  return Bun.deepEquals(toPlain(given), toPlain(stored))
}

/** As JSON has it: there is no -0. */
function toPlain(value: Json): Json {
  return JSON.parse(JSON.stringify(value))
}

eachDatabase((dialect, open) => {
  test("any value is stored and read back equal, or refused with its path", async () => {
    const core = openTestCore(await open())
    const attrs = attributeTypes.map((type) => ({
      name: type,
      type,
      ...(type.endsWith("select") && { choices: ["a", "b"] }),
    }))
    const entity = await core.entities.create(root, { name: "Every", attrs })
    const { id } = await core.entries.create(root, entity.id, { name: "one" })
    const outcomes = { stored: 0, refused: 0 }
    const property = fc.asyncProperty(fc.constantFrom(...attributeTypes), anyValue(id), async (type, value) => {
      const before = await core.entries.get(root, id)
      try {
        await core.entries.update(root, id, { attrs: { [type]: value } })
      } catch (error) {
        if (!(error instanceof PagodaError)) throw error
        expect(error.status).toBe(422)
        for (const { path } of error.issues ?? []) expect(`${path}.`).toStartWith(`attrs.${type}.`)
        expect(error.issues).not.toBeEmpty()
        expect(await core.entries.get(root, id)).toEqual(before)
        outcomes.refused++
        return
      }
      outcomes.stored++
      const stored = (await core.entries.get(root, id)).attrs[type] as Json
      expect(isSame(type, value, stored), JSON.stringify({ type, value, stored })).toBe(true)
    })
    await fc.assert(property, { seed: 20261122, numRuns: dialect === "sqlite" ? 600 : 300 })
    expect(Math.min(outcomes.stored, outcomes.refused)).toBeGreaterThan(30)
  }, 60_000)

  test("what JSON cannot say is refused, whoever sends it", async () => {
    const core = openTestCore(await open())
    const attrs = [{ name: "size", type: "number" }]
    const entity = await core.entities.create(root, { name: "Thing", attrs })
    for (const size of [Number.NaN, Number.POSITIVE_INFINITY, 1n, Symbol("x"), () => 1, new Date()]) {
      const refused = core.entries.create(root, entity.id, { name: "x", attrs: { size } })
      await expect(refused).rejects.toMatchObject({ status: 422 })
    }
    for (const body of [null, [], "x", 7, undefined]) {
      await expect(core.entries.create(root, entity.id, body as never)).rejects.toMatchObject({ status: 422 })
    }
  })
})
