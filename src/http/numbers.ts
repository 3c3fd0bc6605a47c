type Named = "query" | "params"
type Values = Record<string, unknown>

/**
 * Queries and parameters are text, schemas of `@pagoda/sdk` say "integer" or "number". Elysia itself turns only its own
 * kinds into numbers, and then does not tell which one was wrong.
 */
export function toNumbers(
  place: Named,
  schema: unknown,
): ((context: { query: Values; params: Values }) => void) | undefined {
  const { properties } = (schema ?? {}) as { properties?: Record<string, { type?: unknown }> }
  const names = Object.entries(properties ?? {})
    .filter(([, { type }]) => type === "integer" || type === "number")
    .map(([name]) => name)
  if (names.length === 0) return undefined
  return place === "query" ? ({ query }) => convert(query, names) : ({ params }) => convert(params, names)
}

function convert(values: Values, names: string[]): void {
  for (const name of names) {
    const value = values[name]
    if (typeof value === "string" && /^-?\d+(\.\d+)?$/.test(value)) values[name] = Number(value)
  }
}
