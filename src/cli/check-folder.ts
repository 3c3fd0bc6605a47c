import type { Api, PluginDefinition } from "@pagoda/sdk"
import { toMessage, toPagodaError } from "../errors.ts"
import { createScope } from "../http/scope.ts"
import { isOwnNumber } from "../jobs/operations.ts"
import type { Log } from "../log.ts"
import { bundlePlugin } from "../plugins/bundle.ts"
import { type CheckedPlugin, checkPlugin, defaultSettings } from "../plugins/check.ts"
import { type FetchContext, type FetchedSource, resolveSource } from "../plugins/fetch.ts"
import { importBundle } from "../plugins/import.ts"
import { type Manifest, readManifest, readPackage } from "../plugins/manifest.ts"
import { createPluginApp } from "../plugins/mount.ts"
import { mountPages } from "../plugins/mount-pages.ts"
import type { FileTree } from "../plugins/tree.ts"
import { trustUnverified } from "../plugins/verify.ts"
import { findHints } from "./check-hints.ts"
import { findUnused } from "./check-permissions.ts"

/** `error`: a host would refuse it. `warning`: something to look at. */
export type Finding = { level: "error" | "warning" | "fine"; rule: string; message: string }

export type Checked = { id?: string; version?: string; findings: Finding[] }

/** All that can be said of the project in the context's folder; what cannot go on ends it, and is a finding as well. */
export async function checkFolder(context: FetchContext, log: Log): Promise<Checked> {
  const checked: Checked = { findings: [] }
  const say = (level: Finding["level"], rule: string, message: string) =>
    checked.findings.push({ level, rule, message })
  /** Nothing where it failed, which is then told. */
  const attempt = async <T>(rule: string, work: () => Promise<T> | T): Promise<T | undefined> => {
    try {
      return await work()
    } catch (error) {
      if (!toPagodaError(error) && rule !== "routes") throw error
      say("error", rule, toMessage(error))
      return undefined
    }
  }

  const fetched = await attempt("files", () => resolveSource({ kind: "file", path: "." }, context))
  if (!fetched) return checked
  say("fine", "files", `${fetched.files.size} files, ${fetched.packages.size} packages, entry "${fetched.entry}"`)
  for (const message of findHints(fetched)) say("warning", "project", message)

  const manifest = await attempt("manifest", () => readManifest(fetched))
  if (manifest) say("fine", "manifest", `"${manifest.id}"; asks for ${list(manifest.permissions)}`)
  else if (checked.findings.every(({ rule }) => rule !== "manifest")) {
    const wanted = 'put {"id": …, "permissions": […]} into the field "pagoda" of package.json'
    say(
      "warning",
      "manifest",
      `there is none, so that its code has to run before anyone can see what it asks for; ${wanted}`,
    )
  }
  const id = manifest?.id ?? "plugin"
  const grants = manifest?.permissions ?? []
  const bundle = await attempt("imports", () => bundlePlugin(trustUnverified(fetched), { id, grants }, context.store))
  if (!bundle) return checked
  say("fine", "imports", "everything that it imports and uses is free or asked for")
  const exported = await attempt("import", () => importBundle(bundle))
  if (exported === undefined) return checked

  const plugin = await attempt("declaration", () => toChecked(exported, manifest))
  if (!plugin) return checked
  Object.assign(checked, { id: plugin.id, version: plugin.version })
  say("fine", "declaration", `${plugin.name} ${plugin.version}, as its manifest says`)
  for (const message of versionProblems(plugin, fetched)) say("error", "version", message)
  if (plugin.engines?.pagoda === undefined)
    say("warning", "engines", 'it says no "engines.pagoda": any host may take it')
  for (const message of jobProblems(plugin)) say("error", "jobs", message)
  await attempt("routes", () => checkRoutes(plugin, fetched.files, log, say))
  const unused = await findUnused(plugin, trustUnverified(fetched), bundle.code)
  for (const permission of unused)
    say("warning", "permissions", `it asks for "${permission}", and nothing in it looks as if it used that`)
  return checked
}

/** As a lockfile with nothing to say of it but its grants. */
function toChecked(exported: unknown, manifest: Manifest | undefined): CheckedPlugin {
  const plugin = exported as PluginDefinition | null
  const permissions = manifest?.permissions ?? plugin?.permissions ?? []
  return checkPlugin(exported, manifest?.id ?? plugin?.id ?? "plugin", { source: "file:.", permissions }, manifest)
}

function* versionProblems({ version }: CheckedPlugin, fetched: FetchedSource): Generator<string> {
  const { version: said } = readPackage(fetched) ?? {}
  if (said !== undefined && said !== version) yield `its code says "${version}", package.json "${said}"; make them one`
}

function* jobProblems({ id, jobs = {} }: CheckedPlugin): Generator<string> {
  for (const [number, { name }] of Object.entries(jobs)) {
    if (isOwnNumber({ number: Number(number), plugin: id })) continue
    yield `the number of its job "${name}" is ${number}, wanted 200–9999`
  }
}

/** Mounted on an app that nobody can ask. */
async function checkRoutes(
  plugin: CheckedPlugin,
  files: FileTree,
  log: Log,
  say: (level: Finding["level"], rule: string, message: string) => void,
) {
  const scope = createScope({ authenticate: () => null, log })
  const options = { scope, settings: defaultSettings(plugin), apiFor: () => ({}) as Api }
  const app = createPluginApp(plugin, options)
  await mountPages(plugin, options, files)
  say("fine", "routes", `${app.routes.length} below /api/v2/plugins/${plugin.id}/`)
  const silent = app.routes.filter(({ hooks }) => !(hooks as { detail?: { summary?: string } }).detail?.summary)
  for (const { method, path } of silent)
    say("warning", "routes", `"${method} ${path}" has no summary for the API page: { detail: { summary: "…" } }`)
}

function list(names: readonly string[]): string {
  return names.length === 0 ? "no permission" : names.join(", ")
}
