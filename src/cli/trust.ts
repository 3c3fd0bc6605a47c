import { toName } from "../plugins/fetch/bun-lock.ts"
import { readTrust, type Trust } from "../plugins/fetch/trust.ts"
import type { LockedPlugin } from "../plugins/lockfile.ts"
import type { Store } from "../plugins/store.ts"
import { toSafe } from "./output.ts"

/** What is known here of the origin of a plugin and of its packages; `null` where nobody looked on this machine. */
export type PluginTrust = {
  /** Left out where the plugin is from no registry: what it is rests on the lockfile alone. */
  own?: Trust | null
  packages: Record<string, Trust | null>
}

/** As it was found when the bytes came from their registry: nothing is asked now. */
export async function readPluginTrust(
  { source, integrity = "", dependencies = {} }: LockedPlugin,
  store: Store,
): Promise<PluginTrust> {
  const packages: PluginTrust["packages"] = {}
  for (const [spec, sri] of Object.entries(dependencies)) packages[spec] = (await readTrust(sri, store)) ?? null
  if (!source.startsWith("npm:")) return { packages }
  return { own: (await readTrust(integrity, store)) ?? null, packages }
}

/** A row each, as far as there is something to say. */
export function describeTrust({ own, packages }: PluginTrust): [label: string, text: string][] {
  const rows: [string, string][] = []
  if (own !== undefined) rows.push(["signature", describeSignature(own)])
  if (own?.provenance) {
    const { repository, commit, workflow } = own.provenance
    rows.push(["provenance", `claims ${repository}, commit ${commit}, workflow ${workflow} (a claim: not verified)`])
  }
  const specs = Object.entries(packages)
  if (specs.length > 0) rows.push(["packages'", describePackages(specs)])
  return rows.map(([label, text]) => [label, toSafe(text)])
}

function describeSignature(trust: Trust | null): string {
  if (trust === null) return "not looked at on this machine"
  if (trust.signature === "verified") return `verified with the registry's key "${trust.keyid}"`
  return trust.signature === "unsigned" ? "unsigned" : "not verified: the registry publishes no keys"
}

function describePackages(specs: [spec: string, trust: Trust | null][]): string {
  const kinds = Map.groupBy(specs, ([, trust]) => trust?.signature ?? "not looked at")
  const parts = [...kinds].map(([kind, found]) => {
    const names = found.map(([spec]) => spec).join(", ")
    return kind === "verified" ? `${found.length} of ${specs.length} verified` : `${kind}: ${names}`
  })
  return `signatures: ${parts.sort().join("; ")}`
}

/**
 * What could be shown of the origin before and cannot be any more: so it looks when an account or a registry in between was
 * taken over. What nobody looked at on this machine is not compared.
 */
export function findWeaker(before: PluginTrust, after: PluginTrust): string[] {
  const [old, now] = [before.own, after.own]
  const own = old && now ? compareTrust(old, now) : []
  const names = new Map(Object.entries(before.packages).map(([spec, trust]) => [toName(spec), trust]))
  const packages = Object.entries(after.packages).flatMap(([spec, trust]) => {
    const old = names.get(toName(spec))
    return old && trust ? compareTrust(old, trust).map((text) => `${spec}: ${text}`) : []
  })
  return [...own, ...packages]
}

function compareTrust(before: Trust, after: Trust): string[] {
  const [old, now] = [before.provenance?.repository, after.provenance?.repository]
  return [
    ...(before.signature === "verified" && after.signature !== "verified"
      ? [`the signature was verified, and now is ${after.signature === "unsigned" ? "not there" : "not verified"}`]
      : []),
    ...(old !== undefined && now !== old
      ? [`the provenance claimed ${old}, and now ${now === undefined ? "is not there" : `claims ${now}`}`]
      : []),
  ]
}
