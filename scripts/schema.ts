import { lockfileSchema } from "../src/plugins/lockfile/schema.ts"

/** The JSON Schema of plugins.lock.json, for editors. */
export const schemaFile = new URL("../sdk/plugins.lock.schema.json", import.meta.url)

export function formatSchema(): string {
  return `${JSON.stringify(lockfileSchema, null, 2)}\n`
}

if (import.meta.main) await Bun.write(schemaFile, formatSchema())
