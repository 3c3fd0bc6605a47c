import { PagodaError, toPagodaError } from "../errors.ts"
import { type Bundle, bundlePlugin } from "./bundle.ts"
import { type CheckedPlugin, checkPlugin } from "./check.ts"
import { type FetchContext, fetchSource } from "./fetch.ts"
import { importBundle } from "./import.ts"
import type { LockedPlugin } from "./lockfile.ts"
import { readManifest } from "./manifest.ts"
import { requireIntegrity, trustUnverified, type VerifiedSource, verifySource } from "./verify.ts"

/** A plugin that is in memory and fit to be mounted. */
export type LoadedPlugin = {
  readonly id: string
  readonly locked: LockedPlugin
  readonly source: VerifiedSource
  readonly bundle: Bundle
  readonly definition: CheckedPlugin
}

/** Each step takes only what the step before made; its name is what a failure is filed under. */
export const steps = ["fetch", "verify", "bundle", "import", "check", "migrate", "mount", "initialize", "run"] as const
export type Step = (typeof steps)[number]

/** Tells which step is under way, so that whoever records a failure can say where it was. */
export type OnStep = (step: Step) => void

export type LoadContext = FetchContext & {
  /** Development only: whatever the folder holds is taken, whether the lockfile knows it or not. */
  readonly unverified?: boolean
}

export async function loadPlugin(
  id: string,
  locked: LockedPlugin,
  context: LoadContext,
  onStep: OnStep = () => {},
): Promise<LoadedPlugin> {
  try {
    return await load(id, locked, context, onStep)
  } catch (error) {
    const ours = toPagodaError(error)
    throw ours && ours.plugin === undefined ? toPluginError(id, locked, ours) : error
  }
}

async function load(id: string, locked: LockedPlugin, context: LoadContext, onStep: OnStep): Promise<LoadedPlugin> {
  if (locked.isolation === "process") {
    throw new PagodaError("NOT_YET", `Cannot load plugin "${id}": isolation "process" is not yet built`, { plugin: id })
  }
  if (!context.unverified) requireIntegrity(id, locked)
  onStep("fetch")
  const fetched = await fetchSource(locked, context)
  onStep("verify")
  const source = context.unverified ? trustUnverified(fetched) : verifySource(id, locked, fetched)
  onStep("bundle")
  const bundle = await bundlePlugin(source, { id, grants: locked.permissions ?? [] }, context.store)
  onStep("import")
  const exported = await importBundle(bundle)
  onStep("check")
  const definition = checkPlugin(exported, id, locked, readManifest(source))
  return { id, locked, source, bundle, definition }
}

/** What fetches and stores knows no plugin: here it is known whose bytes they were. */
function toPluginError(id: string, { source }: LockedPlugin, error: PagodaError): PagodaError {
  const message = `Cannot load plugin "${id}" from "${source}": ${error.message.replaceAll("<id>", id)}`
  return new PagodaError(error.code, message, { plugin: id, issues: error.issues, cause: error })
}
