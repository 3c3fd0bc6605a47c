import type { KnownAttribute, KnownEntity, Memory } from "./api-driver-memory.ts"
import { randomJson } from "./api-driver-values.ts"
import type { Random } from "./random.ts"

const types = [
  ...["string", "text", "boolean", "number", "date", "datetime", "select", "multi_select", "object", "named_object"],
  ...["group", "role"],
  ...["array_string", "array_number", "array_object", "array_named_object", "array_group", "array_role"],
]

const choices = ["red", "green", "blü 💥"]

/** Attributes of an entity that fit together, which a schema alone cannot say. */
export function attributeList(memory: Memory, random: Random): object[] {
  const names = ["cpu", "note", "owner", "ämne", "a.b", "x[y]", "size", "when", "__proto__"]
  return Array.from({ length: random.between(0, 5) }, () => {
    const type = random.pick(types)
    const name = names.splice(random.between(0, names.length - 1), 1)[0]
    const referral = random.chance(0.7) ? [] : memory.ids("entities").slice(-2)
    return {
      name,
      type,
      ...(type.includes("select") && { choices }),
      ...(type.includes("object") && { referral }),
      ...(random.chance(0.2) && { is_mandatory: true }),
      ...(random.chance(0.2) && { index: random.between(0, 9) }),
      ...(random.chance(0.1) && { default_value: attributeValue({ type, choices }, memory, random) }),
    }
  })
}

/** Changes for `attrs` of a PATCH: some of it changed, removed or added. */
export function attributeChanges(entity: KnownEntity | undefined, memory: Memory, random: Random): object[] {
  const old = (entity?.attrs ?? []).filter(() => random.chance(0.3))
  const changed = old.map(({ id, name }) =>
    random.pick<object>([
      { id, is_deleted: true },
      { id, name: `${name}!` },
      { id, is_mandatory: random.chance(0.5) },
    ]),
  )
  return [...changed, ...attributeList(memory, random).slice(0, 1)]
}

/** `attrs` of an entry; mandatory ones are left out at times, and now and then one is not as it should be. */
export function entryAttrs(entity: KnownEntity | undefined, memory: Memory, random: Random): Record<string, unknown> {
  const wanted = (entity?.attrs ?? []).filter(() => random.chance(0.8))
  return Object.fromEntries(
    wanted.map((attribute) => [
      attribute.name,
      random.chance(0.06) ? randomJson(random, 2) : attributeValue(attribute, memory, random),
    ]),
  )
}

function attributeValue(
  { type, choices }: Pick<KnownAttribute, "type" | "choices">,
  memory: Memory,
  random: Random,
): unknown {
  if (type.startsWith("array_")) {
    const one = { type: type.slice("array_".length), choices }
    return Array.from({ length: random.between(0, 3) }, () => attributeValue(one, memory, random))
  }
  const pick = (ids: readonly unknown[]) => (ids.length > 0 ? random.pick(ids) : null)
  if (random.chance(0.05)) return null
  if (type === "boolean") return random.chance(0.5)
  if (type === "number") return random.pick([0, -7, 0.25, 1e21, 2 ** 53 - 1, random.between(0, 1000)])
  if (type === "date") return random.pick(["2024-02-29", "0001-01-01", "9999-12-31"])
  if (type === "datetime") return random.pick(["2026-11-22T12:00:00.000Z", "2026-11-22T12:00:00+09:00"])
  if (type === "select") return pick(choices)
  if (type === "multi_select") return choices.filter(() => random.chance(0.5))
  if (type === "object") return pick(memory.ids("entries"))
  if (type === "named_object") return { name: random.pick(["a", "b"]), id: pick(memory.ids("entries")) }
  if (type === "group") return pick(memory.ids("groups"))
  if (type === "role") return pick(memory.ids("roles"))
  return random.pick(["", "plain", "100%_\\", "Ünï 💥 İ", "\u0000", "x".repeat(1000), "7"])
}

/** What the document cannot list: filters by the names of the entity's attributes. */
export function entryFilters(entity: KnownEntity | undefined, random: Random): [string, string][] {
  if (!entity || random.chance(0.3)) return []
  const attribute = entity.attrs.length > 0 && random.chance(0.95) ? random.pick(entity.attrs) : noAttribute
  const { operators, values } = queryOf(attribute.type)
  const operator = random.chance(0.1) ? random.pick(["like", "contains", "gt", "eq", "0"]) : random.pick(operators)
  const value =
    operator === "isnull" ? random.pick(["true", "false"]) : random.pick(random.chance(0.1) ? oddTexts : values)
  const key = `filter[${attribute.name}]${operator && `[${operator}]`}`
  const filters: [string, string][] = [[random.chance(0.05) ? key.replace("]", "") : key, value]]
  if (random.chance(0.3)) filters.push(["ordering", `${random.pick(["", "-", "-name,", "--"])}${attribute.name}`])
  return filters
}

const noAttribute = { name: "no such", type: "string" }
const oddTexts = ["", "a,b", "null", "1e999", "💥".repeat(50), "[1,", "\u0000", "9".repeat(40), "2026-02-30"]
const equality = ["", "eq", "ne", "in", "isnull"]
const comparison = [...equality, "gt", "gte", "lt", "lte"]

function queryOf(type: string): { operators: string[]; values: string[] } {
  const item = type.replace("array_", "")
  if (item === "boolean") return { operators: equality, values: ["true", "false"] }
  if (item === "number") return { operators: comparison, values: ["7", "-1.5", "1e3", "0"] }
  if (item === "date" || item === "datetime") return { operators: comparison, values: ["2026-11-22", "0001-01-01"] }
  if (/string|text|select/.test(item))
    return { operators: [...comparison, "contains"], values: ["a", "ü", "%", "7", "İ"] }
  return { operators: equality, values: ["1", "2", "3"] }
}
