import { PagodaError } from "../../errors.ts"
import type { BundleOptions } from "../bundle.ts"
import { toImportGrants } from "../policy/names.ts"
import type { Finding } from "../policy/source.ts"
import { checkBundle } from "../policy.ts"
import type { VerifiedSource } from "../verify.ts"
import { toAscii } from "./ascii.ts"
import { enclose } from "./enclose.ts"
import { type Making, toBundlerPlugin } from "./modules.ts"
import { createOrigins } from "./origins.ts"
import { createResolver, toPackageFolder, toSourceFiles } from "./resolve.ts"

/** Makes a plugin's one module of verified bytes, and refuses what it was not granted. Nothing is read from disk. */
export async function makeBundle(source: VerifiedSource, options: BundleOptions): Promise<string> {
  const files = toSourceFiles(source)
  const resolver = await createResolver(files)
  const grants = toImportGrants(options.grants)
  const before = new Map<string, Finding[]>()
  for (;;) {
    const origins = createOrigins(files)
    const findings: Finding[] = []
    const making = { files, resolver, grants, origins, findings, types: new Map() }
    const code = await build(source.entry, options.id, making)
    if (findings.length > 0) throw forbidden(options.id, findings)
    if (origins.problems.length > 0) throw failed(options.id, await origins.explain())
    const verdict = await checkBundle(code, grants).catch((cause: unknown) => {
      throw toUnread(options.id, cause)
    })
    const found = Map.groupBy(await origins.place(verdict.findings, code, options.id), toFolder)
    if (found.size === 0) return enclose(await toAscii(code), options.id, verdict, grants)
    const others = [...found].filter(([folder]) => folder && resolver.canUseBrowserBuild(folder))
    // a package that no build of passes is reported as what a server would run
    if (others.length === 0)
      throw forbidden(
        options.id,
        [...found].flatMap(([folder, own]) => before.get(folder) ?? own),
      )
    for (const [folder, own] of others) {
      resolver.useBrowserBuild(folder)
      before.set(folder, own)
    }
  }
}

function toFolder({ place }: Finding): string {
  return toPackageFolder(place) ?? ""
}

async function build(entry: string, id: string, making: Making): Promise<string> {
  const built = await Bun.build({
    entrypoints: ["plugin"],
    // any other target does not ask about builtins
    target: "browser",
    format: "esm",
    // without it the runtime does not read the source map
    banner: "// @bun",
    sourcemap: "inline",
    define: { "process.env.NODE_ENV": '"production"' },
    env: "disable",
    throw: false,
    plugins: [toBundlerPlugin(entry, id, making)],
  })
  const errors = built.logs.filter((log) => log.level === "error")
  const [output] = built.outputs
  if (making.findings.length > 0 || making.origins.problems.length > 0) return ""
  if (!built.success || !output)
    throw failed(
      id,
      errors.map((log) => describe(log, id)),
    )
  return output.text()
}

function toUnread(id: string, cause: unknown): unknown {
  if (cause instanceof SyntaxError) return failed(id, [`bundled, it is no module: ${cause.message}`])
  // the bundler itself gets deeper than those who read after it
  if (cause instanceof RangeError) return failed(id, [`its code is nested too deep to be checked: ${cause.message}`])
  return cause
}

function forbidden(id: string, findings: readonly Finding[]): PagodaError {
  const lines = findings.map(({ place, does, permission }) => {
    return `"${place}" ${does}: ${permission ? `needs the permission "${permission}"` : "no permission lets it"}`
  })
  const message = `Cannot load plugin "${id}": ${[...new Set(lines)].join("; ")}`
  const issues = findings.map(({ place, does, permission }) => ({
    path: place,
    message: does,
    code: permission ?? "FORBIDDEN",
  }))
  return new PagodaError("IMPORT_FORBIDDEN", message, { plugin: id, issues })
}

function failed(id: string, problems: readonly string[]): PagodaError {
  return new PagodaError("BUNDLE_FAILED", `Cannot bundle plugin "${id}": ${[...new Set(problems)].join("; ")}`, {
    plugin: id,
  })
}

function describe(log: BuildMessage | ResolveMessage, id: string): string {
  const { position } = log
  if (!position) return log.message
  const file = position.file.replace(/^plugin:/, "").replace(`${id}/`, "")
  return `"${file}:${position.line}:${position.column}" ${log.message}`
}
