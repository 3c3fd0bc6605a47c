import { toPagodaError } from "../errors.ts"
import { makeBundle } from "../plugins/bundle/bundler.ts"
import type { CheckedPlugin } from "../plugins/check.ts"
import type { VerifiedSource } from "../plugins/verify.ts"

/** What code that uses a permission has in it. A guess: only what is certainly not there is told. */
const signs: [permission: RegExp, sign: RegExp][] = [
  [/^entities:/, /\bentities\b/],
  [/^entries:/, /\bentries\b|\boverrides\b|\bhooks\b/],
  [/^users:read$/, /\busers\b/],
  [/^jobs:create$/, /\bjobs\b/],
  [/^db$/, /\bdb\b|\bmigrations\b/],
  [/^net:/, /\bfetch\b/],
  [/^env:/, /\benv\b/],
  [/^system$/, /\basSystem\b/],
]

/** The permissions that a plugin asks for and seems not to use. */
export async function findUnused(plugin: CheckedPlugin, source: VerifiedSource, code: string): Promise<string[]> {
  const needed = await findNeededImports(plugin, source)
  // the source map behind the last line is no code
  const text = code.replace(/\n\/\/# sourceMappingURL=.*\s*$/, "")
  return plugin.permissions.filter((permission) => {
    if (permission.startsWith("import:")) return !needed.has(permission) && !needed.has(toOther(permission))
    const [, sign] = signs.find(([kind]) => kind.test(permission)) ?? []
    return sign !== undefined && !sign.test(text)
  })
}

/** A builtin may be asked for with and without `node:`. */
function toOther(permission: string): string {
  return permission.startsWith("import:node:") ? permission : permission.replace(/^import:/, "import:node:")
}

/** What the import policy would miss if nothing of it were granted. */
async function findNeededImports({ id, permissions }: CheckedPlugin, source: VerifiedSource): Promise<Set<string>> {
  if (!permissions.some((permission) => permission.startsWith("import:"))) return new Set()
  try {
    await makeBundle(source, { id, grants: [] })
    return new Set()
  } catch (error) {
    const ours = toPagodaError(error)
    if (ours?.code !== "IMPORT_FORBIDDEN") throw error
    return new Set(ours.issues?.map(({ code }) => code))
  }
}
