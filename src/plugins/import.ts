import { PagodaError, toMessage } from "../errors.ts"
import type { Bundle } from "./bundle.ts"
import { installHostModules } from "./host-modules.ts"
import { takeTimers } from "./policy/scope.ts"
import type { PluginTimers } from "./policy/timers.ts"

/** How long a plugin's module may take to run, in milliseconds. */
const importPatience = 20_000

/** What is imported right now, by the name of its module. */
const served = new Map<string, string>()

/** Two imports of the same bytes are two modules: a version that comes shares no state with one that leaves. */
const names = new WeakMap<Bundle, string>()
const timers = new WeakMap<Bundle, PluginTimers>()
let imports = 0

let serving = false

/**
 * The one place where foreign code starts: it runs the bundle and gives its default export. The verified bytes themselves
 * are run, from memory, so that nothing can be swapped between check and use.
 */
export async function importBundle(bundle: Bundle, options: { patience?: number } = {}): Promise<unknown> {
  installHostModules()
  serveBundles()
  const name = toModuleName(bundle)
  served.set(name, bundle.code)
  takeTimers(bundle.id)
  try {
    const exported = await settle(run(name, bundle.id), bundle.id, options.patience ?? importPatience)
    keepTimers(bundle)
    return exported
  } catch (error) {
    keepTimers(bundle)
    stopTimers(bundle)
    forgetBundle(bundle)
    throw error
  } finally {
    served.delete(name)
  }
}

/** A default export that is a promise, or looks like one, is waited for as well. */
async function run(name: string, id: string): Promise<unknown> {
  // not a literal: the bundler would look for it while Pagoda itself is built
  const module = await import(name)
  if ("default" in module) return module.default
  const wanted = 'its entry module has no default export, wanted "export default definePlugin({ … })"'
  throw new PagodaError("PLUGIN_INVALID", `Cannot import plugin "${id}": ${wanted}`, { plugin: id })
}

/** The next import of the same bundle runs it anew; without this each version that ever ran stays in memory. */
export function forgetBundle(bundle: Bundle): void {
  stopTimers(bundle)
  delete require.cache[toModuleName(bundle)]
}

/** Stops the timers that its code left open, and says what they were. */
export function stopTimers(bundle: Bundle): string[] {
  return timers.get(bundle)?.stop() ?? []
}

function keepTimers(bundle: Bundle): void {
  const own = takeTimers(bundle.id)
  if (own) timers.set(bundle, own)
}

/** The id of the plugin whose code is highest in an error's stack: who is to be blamed for an error that comes late. */
export function attributePlugin(error: unknown): string | undefined {
  try {
    return findPlugin(error)
  } catch {
    // handlers of last resort ask, and what foreign code throws may throw again when it is looked at
    return undefined
  }
}

function findPlugin(error: unknown): string | undefined {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 8; cause = cause.cause, depth++) {
    const frames = String(cause.stack)
      .split("\n")
      .filter((line) => /^\s*at /.test(line))
    const [, id] = /\bplugin:([a-z0-9]+(?:[-_][a-z0-9]+)*)\//.exec(frames.join("\n")) ?? []
    if (id) return id
  }
}

/** Modules are kept by name. */
function toModuleName(bundle: Bundle): string {
  const known = names.get(bundle)
  if (known) return known
  const hash = new Bun.CryptoHasher("sha256").update(bundle.digest).digest("hex").slice(0, 32)
  const name = `plugin:${bundle.id}/${hash}-${++imports}.mjs`
  names.set(bundle, name)
  return name
}

function serveBundles(): void {
  if (serving) return
  serving = true
  Bun.plugin({
    name: "pagoda bundles",
    setup(build) {
      build.onLoad({ filter: /.*/, namespace: "plugin" }, ({ path }) => {
        const contents = served.get(`plugin:${path}`)
        if (contents === undefined) throw new Error(`There is no bundle "plugin:${path}"`)
        return { contents, loader: "js" }
      })
    },
  })
}

async function settle<T>(work: Promise<T>, id: string, patience: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const message = `Cannot import plugin "${id}": its module did not settle within ${patience / 1000} s`
      reject(
        new PagodaError("IMPORT_TIMEOUT", `${message}; is there an "await" that never ends at its top level?`, {
          plugin: id,
        }),
      )
    }, patience)
  })
  try {
    return await Promise.race([work, late])
  } catch (cause) {
    throw toImportError(id, cause)
  } finally {
    clearTimeout(timer)
  }
}

/** What foreign code throws may throw again when it is looked at. */
function toImportError(id: string, cause: unknown): PagodaError {
  const subject = `Cannot import plugin "${id}": it threw`
  try {
    if (cause instanceof PagodaError) return cause
    return new PagodaError("IMPORT_FAILED", `${subject}: ${toMessage(cause)}`, { plugin: id, cause })
  } catch {
    return new PagodaError("IMPORT_FAILED", `${subject} something that cannot be shown`, { plugin: id })
  }
}
