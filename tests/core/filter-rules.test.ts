import { expect, test } from "bun:test"
import type { Json } from "@pagoda/sdk"
import fc from "fast-check"
import { eachDatabase } from "../support/database.ts"
import { admin, openSeed } from "../support/entry-seed.ts"

type Attrs = { [name: string]: Json }
type Asked = { attribute: string; operator: string; operand: Json }

// few different values, so that filters find many and find none
const text = fc.oneof(
  fc.constantFrom("", "a", "A", "b%", "Ωmega", "ωmega", "\u{1F600}", "\uFFFD"),
  fc.string({ maxLength: 4 }),
)
const number = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constantFrom(0.5, -0.5, 1e300, 5e-324))
const day = fc.integer({ min: 0, max: 40 }).map((days) => new Date(days * 86_400_000).toISOString().slice(0, 10))
const values: { [attribute: string]: fc.Arbitrary<Json> } = {
  text,
  number,
  flag: fc.boolean(),
  day,
  tags: fc.array(text, { maxLength: 3 }),
}
const operands: { [attribute: string]: fc.Arbitrary<Json> } = { ...values, tags: text }

const anyEntry: fc.Arbitrary<Attrs> = fc.record(
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, fc.option(value, { freq: 4 })])),
)
const anyQuestion: fc.Arbitrary<Asked> = fc.constantFrom(...Object.keys(values)).chain((attribute) => {
  const equality = ["eq", "ne", "in", "isnull"]
  const order = attribute === "flag" ? [] : ["gt", "gte", "lt", "lte"]
  const part = attribute === "text" || attribute === "tags" ? ["contains"] : []
  return fc.constantFrom(...equality, ...order, ...part).chain((operator) => {
    const operand = operands[attribute] as fc.Arbitrary<Json>
    const wanted: { [operator: string]: fc.Arbitrary<Json> } = {
      in: fc.array(operand, { minLength: 1, maxLength: 4 }),
      isnull: fc.boolean(),
      contains: fc.constantFrom("a", "A", "b%", "%", "_", "Ω", "mega"),
    }
    return (wanted[operator] ?? operand).map((operand) => ({ attribute, operator, operand }))
  })
})
const anyQuery = fc.record({
  asked: fc.array(anyQuestion, { maxLength: 2 }),
  ordering: fc.option(fc.constantFrom("text", "-text", "number", "-number", "flag", "-day"), { nil: undefined }),
  limit: fc.integer({ min: 1, max: 60 }),
  offset: fc.integer({ min: 0, max: 80 }),
})

/** By code points: JavaScript's own order is that of UTF-16. */
function compare(one: Json, other: Json): number {
  if (typeof one !== "string" || typeof other !== "string") return Number(one) - Number(other)
  return Buffer.compare(Buffer.from(one), Buffer.from(other))
}

function fits(attrs: Attrs, { attribute, operator, operand }: Asked): boolean {
  const held = [attrs[attribute] ?? []].flat() as Json[]
  const some = (test: (value: Json) => boolean) => held.some(test)
  switch (operator) {
    case "eq":
      return some((value) => value === operand)
    case "ne":
      return !some((value) => value === operand)
    case "in":
      return some((value) => (operand as Json[]).includes(value))
    case "isnull":
      return (held.length === 0) === operand
    case "contains":
      return some((value) => String(value).toLowerCase().includes(String(operand).toLowerCase()))
    case "gt":
      return some((value) => compare(value, operand) > 0)
    case "gte":
      return some((value) => compare(value, operand) >= 0)
    case "lt":
      return some((value) => compare(value, operand) < 0)
    default:
      return some((value) => compare(value, operand) <= 0)
  }
}

function inOrder(ordering: string | undefined) {
  const attribute = ordering?.replace("-", "") ?? ""
  const sign = ordering?.startsWith("-") ? -1 : 1
  return (one: { id: number; attrs: Attrs }, other: { id: number; attrs: Attrs }) => {
    const [a = null, b = null] = [one.attrs[attribute], other.attrs[attribute]]
    if (a === null || b === null) return Number(a === null) - Number(b === null) || one.id - other.id
    return sign * compare(a, b) || one.id - other.id
  }
}

eachDatabase((_, open) => {
  test("a list finds what a filter written out finds, in the same order", async () => {
    const seed = openSeed(await open())
    const entity = await seed.entity("Thing", {
      text: "string",
      number: "number",
      flag: "boolean",
      day: "date",
      tags: "array_string",
    })
    const all = fc.sample(anyEntry, { numRuns: 700, seed: 7 })
    const ids = await seed.entries(
      entity,
      all.map((attrs, index) => ({ name: `thing-${index}`, attrs })),
    )
    const entries = all.map((attrs, index) => ({ id: ids[index] as number, attrs }))

    await fc.assert(
      fc.asyncProperty(anyQuery, async ({ asked, ...page }) => {
        const filter: { [attribute: string]: { [operator: string]: Json } } = {}
        for (const { attribute, operator, operand } of asked) {
          filter[attribute] = { ...filter[attribute], [operator]: operand }
        }
        const kept = Object.entries(filter).flatMap(([attribute, operators]) =>
          Object.entries(operators).map(([operator, operand]) => ({ attribute, operator, operand })),
        )
        const wanted = entries.filter(({ attrs }) => kept.every((one) => fits(attrs, one))).sort(inOrder(page.ordering))
        const { count, results } = await seed.lists.list(admin, { entity, filter, ...page })
        expect(count).toBe(wanted.length)
        const ids = wanted.slice(page.offset, page.offset + page.limit).map(({ id }) => id)
        expect(results.map(({ id }) => id)).toEqual(ids)
      }),
      { numRuns: 250, seed: 7 },
    )
  })
})
