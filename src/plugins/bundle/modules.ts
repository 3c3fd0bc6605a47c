import type { BunPlugin, Loader } from "bun"
import { toMessage } from "../../errors.ts"
import { hostModuleNames, hostPackageOf } from "../host-modules.ts"
import { isGranted, toBuiltin } from "../policy/names.ts"
import { checkSource, type Finding } from "../policy/source.ts"
import type { Origins } from "./origins.ts"
import { isUrl, type Resolver, type SourceFiles } from "./resolve.ts"

export type Making = {
  readonly files: SourceFiles
  readonly resolver: Resolver
  readonly grants: ReadonlySet<string>
  readonly origins: Origins
  readonly findings: Finding[]
  /** Imports with an attribute: the kind of file that it asks for. */
  readonly types: Map<string, string>
}

/** Every file goes through here under a name that is the same on every machine, so that the bundle is, too. */
export function toBundlerPlugin(entry: string, id: string, making: Making): BunPlugin {
  const { files, resolver, grants, origins, types } = making
  const inside = (path: string) => ({ path: `${id}/${path}`, namespace: "plugin" })
  const outside = (path: string) => ({ path, external: true })
  return {
    name: "pagoda",
    setup(build) {
      build.onResolve({ filter: /.*/ }, ({ path, importer, kind }) => {
        if (kind.startsWith("entry-point")) return inside(entry)
        const from = importer.slice(id.length + 1)
        const required = kind === "require-call" || kind === "require-resolve"
        if (hostModuleNames.includes(path)) return outside(`host:${path}`)
        const builtin = toBuiltin(path)
        const packaged = builtin && !path.includes(":") && !isGranted(builtin, grants)
        const found = !builtin || packaged ? resolver.resolve(path, from, required ? "require" : "import") : undefined
        const type = found && (types.get(toTypeKey(from, path)) as Loader | undefined)
        if (type && data.includes(type)) return { path: `${id}/${found}`, namespace: `plugin-${type}` }
        if (type)
          origins.problems.push({
            importer: from,
            specifier: path,
            wanted: `"${type}" is no known type, wanted one of "${data.join('", "')}"`,
          })
        if (found) return inside(found)
        if (found === false) return { path: "empty", namespace: "pagoda" }
        if (builtin) {
          origins.note(from, path, builtin)
          return outside(builtin)
        }
        if (hostPackageOf(path)) origins.problems.push({ importer: from, specifier: path, wanted: wantedOfHost(path) })
        else if (required || kind === "dynamic-import") return { path: `missing:${path}`, namespace: "pagoda" }
        else origins.problems.push({ importer: from, specifier: path, wanted: wantedFrom(from, path) })
        return outside(path)
      })
      for (const loader of data) {
        build.onLoad({ filter: /.*/, namespace: `plugin-${loader}` }, ({ path }) => {
          return { contents: new TextDecoder().decode(files.get(path.slice(id.length + 1))), loader }
        })
      }
      build.onLoad({ filter: /.*/, namespace: "plugin" }, async ({ path }) => {
        const file = path.slice(id.length + 1)
        const chosen = toLoader(file)
        const bytes = files.get(file)
        if (!bytes || !chosen) {
          origins.problems.push({
            importer: file,
            specifier: file,
            wanted: "it is no module: wanted TypeScript, JavaScript or JSON",
          })
          return { contents: "", loader: "js" }
        }
        const contents = new TextDecoder().decode(bytes)
        if (scripts.has(chosen) && !(await isReadable(file, contents, making))) return { contents: "", loader: "js" }
        return { contents, loader: chosen }
      })
      build.onLoad({ filter: /.*/, namespace: "pagoda" }, ({ path }) => {
        const message = `Cannot find "${path.slice("missing:".length)}" in the plugin or its packages`
        const contents =
          path === "empty" ? "module.exports = {}" : `throw new Error(${JSON.stringify(message)})\nmodule.exports = {}`
        return { contents, loader: "js" }
      })
    },
  }
}

/** What an import with an attribute may ask for, once it is let. */
const data: Loader[] = ["json", "text", "toml", "yaml"]

const scripts: ReadonlySet<Loader> = new Set<Loader>(["js", "jsx", "ts", "tsx"])

/** What breaks the policy or what our parser cannot read is never shown to the bundler. */
async function isReadable(file: string, text: string, making: Making): Promise<boolean> {
  const { grants, origins, findings } = making
  try {
    const found = await checkSource(file, text, grants)
    findings.push(...found.findings)
    for (const [specifier, type] of found.types) making.types.set(toTypeKey(file, specifier), type)
    return found.findings.length === 0
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    origins.problems.push({ importer: file, specifier: file, wanted: toMessage(error) })
    return false
  }
}

function toTypeKey(importer: string, specifier: string): string {
  return `${importer}\n${specifier}`
}

const loaders: Readonly<Record<string, Loader>> = {
  ts: "ts",
  mts: "ts",
  cts: "ts",
  tsx: "tsx",
  jsx: "jsx",
  js: "js",
  mjs: "js",
  cjs: "js",
  json: "json",
  jsonc: "jsonc",
  toml: "toml",
  yaml: "yaml",
  yml: "yaml",
  txt: "text",
}

/** By the name's ending. What has none is taken as TypeScript. */
function toLoader(file: string): Loader | undefined {
  const name = isUrl(file) ? new URL(file).pathname : file
  const [, ending] = /\.([a-z]+)$/.exec(name) ?? []
  if (ending && Object.hasOwn(loaders, ending)) return loaders[ending]
  return isUrl(file) || !/\.[^/]*$/.test(name) ? "ts" : undefined
}

function wantedOfHost(path: string): string {
  const name = hostPackageOf(path) as string
  const given = hostModuleNames.filter((one) => one === name || one.startsWith(`${name}/`))
  return `the host gives of this package only ${given.map((one) => `"${one}"`).join(", ")}`
}

function wantedFrom(importer: string, path: string): string {
  const field = path.startsWith("npm:") ? "dependencies" : "modules"
  if (isUrl(importer)) return `it is not among the ${field} of the lockfile; run "pagoda lock" to fill it in`
  if (path.startsWith(".") || path.startsWith("/")) return "there is no such file in the plugin"
  return 'there is no such package: is it among the "dependencies" of the plugin\'s package.json? "pagoda lock" fills in what the lockfile lacks'
}
