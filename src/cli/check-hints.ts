import type { FetchedSource } from "../plugins/fetch.ts"
import { readPackage } from "../plugins/manifest.ts"

/** What a plugin works without, and its users would miss. */
export function* findHints(fetched: FetchedSource): Generator<string> {
  const paths = [...fetched.files.keys()]
  const about = readPackage(fetched)
  if (!about) {
    yield "it has no package.json, which says its version, its license and what it needs"
    return
  }
  if (!paths.some((path) => /^readme(\.|$)/i.test(path))) yield "it has no README"
  if (typeof about.license !== "string" && !paths.some((path) => /^(licen[cs]e|copying)(\.|$)/i.test(path)))
    yield 'it says no license: "license" in package.json'
  if (typeof about.description !== "string" || about.description === "")
    yield 'it says not what it is for: "description" in package.json'
  if (!paths.some((path) => /\.test\.[tj]sx?$/.test(path)))
    yield 'it has no tests: "@pagoda/sdk/testing" helps with them'
  const given = namesOf(about.dependencies).filter((name) => name === "@pagoda/sdk" || name === "elysia")
  for (const name of given) yield `"${name}" is given by the host: it belongs into "peerDependencies"`
  const left = paths.filter((path) => isUsed(path) && !isPublished(path, about.files))
  if (left.length > 0) {
    const [first, ...others] = left
    const what = others.length === 0 ? `"${first}"` : `"${first}" and ${others.length} more`
    yield `npm would not publish ${what}: "files" in package.json leaves them out`
  }
  if (about.private === true) yield 'it is "private": npm would not publish it'
  if (paths.some((path) => path.startsWith(".pagoda/")))
    yield 'it has the folder ".pagoda" in it: "plugin add" of this folder would lock a host\'s data as a part of the plugin'
}

function namesOf(dependencies: unknown): string[] {
  return typeof dependencies === "object" && dependencies !== null ? Object.keys(dependencies) : []
}

/** Code that is no test, and what pages serve. */
function isUsed(path: string): boolean {
  return (
    /^static\//.test(path) || (/\.[cm]?[jt]sx?$/.test(path) && !/(?:^|[./])(?:tests?|spec|config|d)[./]/.test(path))
  )
}

/** As npm reads `files`: from the root, and a folder is all that is in it. The last one that fits decides. */
function isPublished(path: string, files: unknown): boolean {
  if (!Array.isArray(files)) return true
  const last = files.map(String).findLast((pattern) => {
    const name = pattern.replace(/^!?(?:\.?\/)?/, "").replace(/\/\*{0,2}$/, "")
    return new Bun.Glob(name).match(path) || new Bun.Glob(`${name}/**`).match(path)
  })
  return last !== undefined && !last.startsWith("!")
}
