import type { Migration, PluginDefinition } from "@pagoda/sdk"

const namePattern = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/

export function* migrationProblems({ migrations = [], permissions }: PluginDefinition): Generator<string> {
  if (!Array.isArray(migrations)) {
    yield `its "migrations" are no list`
    return
  }
  if (migrations.length === 0) return
  if (!Array.isArray(permissions) || !permissions.includes("db")) {
    yield `it has "migrations" and does not ask for the permission "db"; add it to its "permissions"`
  }
  const names = new Set<unknown>()
  for (const migration of migrations) {
    const { name, up } = (migration ?? {}) as Partial<Migration>
    if (typeof name !== "string" || !namePattern.test(name)) {
      yield `its migration "${name}" has no name of letters, digits, "_", "-" and ".", such as "0001_init"`
    }
    if (names.has(name)) yield `it has two migrations "${name}"`
    names.add(name)
    const texts = typeof up === "object" && up !== null ? [up.sqlite, up.postgres] : [up]
    if (!texts.every((text) => typeof text === "string")) {
      yield `its migration "${name}" has no SQL: wanted "up" as one text, or as { sqlite, postgres }`
    }
  }
}
