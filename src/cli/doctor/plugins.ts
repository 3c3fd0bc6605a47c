import { existsSync } from "node:fs"
import type { Config } from "../../config.ts"
import { hasPendingKey } from "../../core/key-rotation.ts"
import { secretKeyFile } from "../../core/secret-key.ts"
import { PagodaError } from "../../errors.ts"
import { type LockedPlugin, readLockfile } from "../../plugins/lockfile.ts"
import { toMend } from "../../plugins/repairs/mend.ts"
import { withFetching } from "../open.ts"
import { verifyOne } from "../plugin-verify.ts"
import { type Finding, fine, wrong } from "./finding.ts"

/** The lockfile, and whether what is stored of each plugin is what it says. No code of a plugin runs. */
export async function checkPlugins(config: Config): Promise<Finding[]> {
  let plugins: Record<string, LockedPlugin>
  try {
    plugins = (await readLockfile(config.lockfile)).plugins
  } catch (error) {
    if (!(error instanceof PagodaError)) throw error
    return [wrong("lockfile", error.message)]
  }
  const all = Object.entries(plugins)
  const count = `${all.length} ${all.length === 1 ? "plugin" : "plugins"}`
  const lockfile = fine("lockfile", `"${config.lockfile}" has ${count}`)
  try {
    return [lockfile, ...(await checkBytes(all, config))]
  } catch (error) {
    if (!(error instanceof PagodaError)) throw error
    return [lockfile, wrong("store", error.message)]
  }
}

async function checkBytes(plugins: [string, LockedPlugin][], config: Config): Promise<Finding[]> {
  const { dataDir, secretKey } = config
  // the store is sealed with the key; to look must not make one
  const hasKey = (secretKey !== undefined || existsSync(secretKeyFile(dataDir))) && !hasPendingKey(dataDir)
  if (plugins.length === 0 || !hasKey || !existsSync(dataDir)) return []
  return withFetching(config, async (context, quiet) => {
    const findings: Finding[] = []
    for (const [id, locked] of plugins) {
      const { ok, code, error = "", files, packages } = await verifyOne(id, locked, context)
      const name = `plugin ${id}`
      const failure = { step: "verify", code: code as PagodaError["code"], message: error, at: "" }
      const mend = () => toMend({ id, source: locked.source, error: failure }, () => undefined)
      findings.push(ok ? fine(name, `${files} files and ${packages} packages are intact`) : wrong(name, error, mend()))
    }
    quiet()
    return findings
  })
}
