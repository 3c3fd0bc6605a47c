import type { PluginDefinition } from "@pagoda/sdk"
import type { Log } from "../log.ts"
import { bundlePlugin } from "../plugins/bundle.ts"
import { checkPlugin } from "../plugins/check.ts"
import type { FetchContext, FetchedSource } from "../plugins/fetch.ts"
import { forgetBundle, importBundle } from "../plugins/import.ts"
import { toLocked } from "../plugins/lock.ts"
import { type Manifest, readManifest, readPackage } from "../plugins/manifest.ts"
import { toSourceText } from "../plugins/source.ts"
import type { Store } from "../plugins/store.ts"
import { verifySource } from "../plugins/verify.ts"
import { mustAgree } from "./ask.ts"
import { containForeign } from "./foreign.ts"
import { say, toSafe } from "./output.ts"
import { describeTrust, readPluginTrust } from "./trust.ts"

/** What a plugin says of itself before it is trusted with anything. */
export type Declared = Pick<Manifest, "id" | "permissions" | "dependencies"> & { version?: string }

export type Consent = { yes: boolean; grants: readonly string[]; log: Log }

/** From the manifest; where there is none its code has to run, and that is asked first. */
export async function readDeclared(fetched: FetchedSource, context: FetchContext, consent: Consent): Promise<Declared> {
  const manifest = readManifest(fetched)
  if (manifest) return { ...manifest, version: readVersion(fetched) }
  await say(`${toSourceText(fetched.source)} has no manifest: its code has to run to learn what it asks for.`)
  return askToRun(fetched, context, consent)
}

/** What only the code can tell, such as the version of a single module. */
export async function askToRun(fetched: FetchedSource, context: FetchContext, consent: Consent): Promise<Declared> {
  await mustAgree(`Run the code of ${toSourceText(fetched.source)}?`, consent.yes)
  return runToLearn(fetched, context, consent)
}

/** The version that can be known without running anything. */
export function readVersion(fetched: FetchedSource): string | undefined {
  if (fetched.source.kind === "npm") return fetched.source.version
  const { version } = readPackage(fetched) ?? {}
  return typeof version === "string" ? version : undefined
}

async function runToLearn(fetched: FetchedSource, context: FetchContext, consent: Consent): Promise<Declared> {
  containForeign(consent.log)
  const locked = toLocked(fetched)
  const source = verifySource("new", locked, fetched)
  const bundle = await bundlePlugin(source, { id: "new", grants: consent.grants }, context.store)
  const exported = (await importBundle(bundle)) as PluginDefinition
  forgetBundle(bundle)
  const {
    id,
    version,
    permissions,
    dependencies = {},
  } = checkPlugin(
    exported,
    exported?.id ?? toSourceText(fetched.source),
    // whether it gets what it asks for is asked later
    { source: locked.source, permissions: exported?.permissions },
    undefined,
  )
  return { id, version, permissions, dependencies }
}

/** What is shown before anyone agrees to anything. */
export async function describe(
  fetched: FetchedSource,
  { id, version, permissions }: Declared,
  store: Store,
): Promise<string> {
  const bytes = [...fetched.files.values()].reduce((sum, { byteLength }) => sum + byteLength, 0)
  const rows = [
    ["source", toSourceText(fetched.source)],
    ["integrity", fetched.integrity],
    ["files", `${fetched.files.size} (${Math.ceil(bytes / 1024)} KiB)`],
    ["packages", [...fetched.packages.keys()].join(", ") || "none"],
    ...describeTrust(await readPluginTrust(toLocked(fetched), store)),
    ["asks for", permissions.join(", ") || "no permission"],
  ]
  const lines = rows.map(([name = "", value = ""]) => `  ${name.padEnd(10)} ${toSafe(value)}`)
  return [toSafe(`${id}${version ? ` (${version})` : ""}`), ...lines].join("\n")
}
