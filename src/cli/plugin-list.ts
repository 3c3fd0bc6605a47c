import { readLockfile } from "../plugins/lockfile.ts"
import type { Call } from "./command.ts"
import { getLocked } from "./edit.ts"
import { withFetching } from "./open.ts"
import { bad, good, print, printJson, toSafe, toSafeLines } from "./output.ts"
import { type PluginStatus, readStatuses } from "./plugin-status.ts"
import { describeTrust, readPluginTrust } from "./trust.ts"

export async function listPlugins({ flags, config, log }: Call): Promise<undefined> {
  const { plugins } = await readLockfile(config.lockfile)
  const statuses = await readStatuses(plugins, config, log)
  const shown = flags["enabled-only"] ? statuses.filter(({ state }) => state === "active") : statuses
  if (flags.json) return void (await printJson(shown))
  if (shown.length === 0)
    return void (await print(statuses.length === 0 ? "No plugins are installed." : "No plugin is active."))
  await print(["Installed Plugins:", ...shown.map(toLine)].join("\n"))
}

export async function showPlugin({ args: [id = ""], flags, config, log }: Call): Promise<undefined> {
  const lockfile = await readLockfile(config.lockfile)
  const locked = getLocked(lockfile, id)
  // all of them: one that it needs may be why it is not active
  const status = (await readStatuses(lockfile.plugins, config, log)).find((each) => each.id === id)
  const trust = await withFetching(config, ({ store }) => readPluginTrust(locked, store))
  if (flags.json) return void (await printJson({ ...status, trust }))
  const { jobs = [], settings_schema, ...plain } = status ?? {}
  const listed = {
    ...plain,
    jobs: jobs.map(({ number, name }) => `${number} ${name}`),
    settings: toSettings(settings_schema),
  }
  const known = Object.entries(listed).map(([field, value]) => [field, toText(value)])
  const rows = [...known, ...describeTrust(trust)]
  const width = Math.max(...rows.map(([field = ""]) => field.length))
  await print(rows.map(([field = "", value]) => `${field.padEnd(width)}  ${value}`).join("\n"))
}

function toLine({ id, name, version, state, reason }: PluginStatus): string {
  const line = toSafe(`${id} (${version || "no version"}) - ${name}`)
  return state === "active" ? `  ${good()} ${line}` : `  ${bad()} ${line}: ${state}: ${toSafeLines(reason ?? "")}`
}

/** The name of each, with its default. */
function toSettings(schema: object | null | undefined): string[] {
  const { properties = {} } = (schema ?? {}) as { properties?: Record<string, { default?: unknown; secret?: boolean }> }
  return Object.entries(properties).map(([name, { default: standard, secret }]) => {
    if (secret) return `${name} (secret)`
    return standard === undefined ? name : `${name} (${JSON.stringify(standard)})`
  })
}

function toText(value: unknown): string {
  if (Array.isArray(value)) return value.map(toText).join(", ") || "none"
  if (typeof value !== "object" || value === null) return toSafe(String(value ?? "")) || "none"
  return (
    Object.entries(value)
      .map(([key, inner]) => `${key} ${toText(inner)}`)
      .join(", ") || "none"
  )
}
