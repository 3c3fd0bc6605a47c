import { Kind } from "@sinclair/typebox"

/** Choices as an "enum", with their description, which the generator would drop when it makes one of them. */
export function withChoices(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withChoices)
  if (!isPlain(schema)) return schema
  const made: { [key: string]: unknown; [Kind]?: string } = { ...schema }
  for (const [key, member] of Object.entries(schema)) made[key] = withChoices(member)
  if (!isChoice(made)) return made
  const { anyOf, ...rest } = made
  return { ...rest, type: "string", enum: anyOf.map((choice) => choice.const), [Kind]: "Unsafe" }
}

type Choice = { [key: string]: unknown; [Kind]?: string; anyOf: { const: string }[] }

function isChoice(schema: { [key: string]: unknown; [Kind]?: string }): schema is Choice {
  const { anyOf } = schema
  return schema[Kind] === "Union" && Array.isArray(anyOf) && anyOf.every((one) => typeof one?.const === "string")
}

/** Schemas of other makers are functions or of classes of their own, which stay what they are. */
function isPlain(value: unknown): value is object {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype
}
