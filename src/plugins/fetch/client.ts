import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { PagodaError } from "../../errors.ts"
import type { FetchContext } from "../fetch.ts"
import type { Budget } from "./budget.ts"
import { readAuthorities, withWholePaths } from "./certificates.ts"
import { type Credentials, readCredentials, readForeignEnvironment } from "./registry.ts"
import type { RegistryKey } from "./signatures.ts"
import { hostPackages } from "./wanted.ts"

/** What the registry says of one version of a package. */
export type PackageView = {
  name: string
  version: string
  tarball: string
  integrity: string
  /** Each made over `name@version:integrity`. */
  signatures: readonly { keyid: string; sig: string }[]
  /** Where what is attested of it can be read. */
  attestations?: string
  /** When it was published, as the registry says. */
  published?: string
}

/** Bun's own npm client: it finds registries, credentials and versions as its users expect, and only tells us. */
export type NpmClient = {
  readonly credentials: Credentials
  /** Whose certificates count; nothing: those of everyone. */
  readonly authorities: readonly string[] | undefined
  /** The keys that registries sign with, by the registry's address; filled as they are asked for. */
  readonly keys: Map<string, Promise<RegistryKey[] | undefined>>
  /** @param spec `name@version`, `name@range` or `name@tag` */
  view(spec: string): Promise<PackageView>
  /** The text of the `bun.lock` of a project with these dependencies. */
  lock(dependencies: Record<string, string>): Promise<string>
}

/** Runs the work with a client in a folder of its own: without the user's caches, with the `.npmrc` beside the lockfile. */
export async function withClient<T>(
  context: FetchContext,
  budget: Budget,
  work: (client: NpmClient) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "pagoda-npm-"))
  try {
    const env = readForeignEnvironment()
    await copyNpmrc(context.folder, folder)
    const run = (subject: string, args: string[]) => runClient(subject, args, folder, env, budget.signal)
    return await work({
      credentials: await readCredentials(context.folder, env),
      authorities: await readAuthorities(context.folder, env),
      keys: new Map(),
      view: async (spec) => {
        if (spec.startsWith("-"))
          throw new PagodaError("SOURCE_REFUSED", `Cannot fetch "npm:${spec}": this is no package`)
        return parseView(spec, await run(`npm:${spec}`, ["info", spec, "--json"]))
      },
      lock: async (dependencies) => {
        await writeProject(folder, dependencies)
        await run(budget.subject, [
          "install",
          "--lockfile-only",
          "--ignore-scripts",
          "--save-text-lockfile",
          "--omit=peer",
        ])
        return Bun.file(join(folder, "bun.lock")).text()
      },
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function copyNpmrc(from: string, to: string): Promise<void> {
  const npmrc = Bun.file(join(from, ".npmrc"))
  if (await npmrc.exists()) await writeFile(join(to, ".npmrc"), withWholePaths(await npmrc.text(), from))
}

/** What the host gives is a stub here: nobody may answer for it, and no peer range may ask for another version. */
async function writeProject(folder: string, dependencies: Record<string, string>): Promise<void> {
  const overrides = Object.fromEntries(hostPackages.map((name) => [name, `file:./stub/${name}`]))
  await writeFile(join(folder, "package.json"), JSON.stringify({ private: true, dependencies, overrides }))
  for (const name of hostPackages) {
    await mkdir(join(folder, "stub", name), { recursive: true })
    await writeFile(join(folder, "stub", name, "package.json"), JSON.stringify({ name, version: "0.0.0" }))
  }
}

async function runClient(
  subject: string,
  args: string[],
  cwd: string,
  env: Record<string, string>,
  signal: AbortSignal,
): Promise<string> {
  const child = Bun.spawn([process.execPath, ...args], {
    cwd,
    env: {
      ...env,
      BUN_BE_BUN: "1",
      BUN_INSTALL_CACHE_DIR: join(cwd, "cache"),
      NO_COLOR: "1",
      // a package may name a git repository as its dependency: no helper program of git's choice
      GIT_ALLOW_PROTOCOL: "https:ssh",
      GIT_TERMINAL_PROMPT: "0",
    },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    signal,
  })
  const [out, err, code] = await Promise.all([readText(child.stdout), readText(child.stderr), child.exited])
  if (code === 0) return out
  signal.throwIfAborted()
  const why = /"error": "([^"]+)"/.exec(out)?.[1] ?? toReason(err)
  const known = / - 404\b|^404 |No (?:matching )?version/im.test(`${why}\n${err}`)
  throw new PagodaError(known ? "SOURCE_NOT_FOUND" : "SOURCE_UNREACHABLE", `Cannot fetch "${subject}": ${why}`)
}

function readText(stream: ReadableStream<Uint8Array>): Promise<string> {
  return new Response(stream).text()
}

/** The lines that say what is wrong, on one line, without credentials. */
function toReason(output: string): string {
  const lines = output
    .split("\n")
    .map((line) => line.trim().replace(/^(error: |warn: |- )/, ""))
    .filter(
      (line) =>
        line !== "" &&
        !/^(bun (install|info) v|Resolving|Resolved|Saved|Recent versions|\.\.\. and|\d+\.\d)/.test(line),
    )
  return (
    [...new Set(lines)]
      .slice(0, 6)
      .join("; ")
      .replace(/\/\/[^/\s@]+@/g, "//") || "the npm client failed"
  )
}

function parseView(spec: string, output: string): PackageView {
  const { name, version, dist, time } = JSON.parse(output) as Record<string, unknown> & {
    dist?: Record<string, unknown> & { attestations?: { url?: unknown } }
    time?: Record<string, unknown>
  }
  const integrity = dist?.integrity ?? toSha1(dist?.shasum)
  if (
    typeof name !== "string" ||
    typeof version !== "string" ||
    typeof dist?.tarball !== "string" ||
    typeof integrity !== "string"
  ) {
    throw new PagodaError(
      "SOURCE_REFUSED",
      `Cannot fetch "${spec}": the registry names no version, tarball or hash of it`,
    )
  }
  const { tarball, attestations } = dist
  const published = time?.[version]
  requireAsked(spec, name, version)
  return {
    ...{ name, version, tarball, integrity },
    signatures: toSignatures(dist.signatures),
    ...(typeof attestations?.url === "string" && { attestations: attestations.url }),
    ...(typeof published === "string" && { published }),
  }
}

/** A signature is of a name and a version: with those of another package, it would be good for that one. */
function requireAsked(spec: string, name: string, version: string): void {
  const at = spec.indexOf("@", 1)
  const [asked, range] = at < 0 ? [spec, ""] : [spec.slice(0, at), spec.slice(at + 1)]
  const isExact = /^\d+\.\d+\.\d+(?:-[\w.-]+)?$/.test(range)
  if (name === asked && (!isExact || version === range)) return
  const message = `Cannot fetch "npm:${spec}": the registry answers with "${name}@${version}", which is another package`
  throw new PagodaError("SOURCE_REFUSED", message)
}

/** What is no signature in form stays, as one that nothing verifies: a broken one must not count as none. */
function toSignatures(given: unknown): PackageView["signatures"] {
  if (!Array.isArray(given)) return []
  return given.map((one: { keyid?: unknown; sig?: unknown } | null) => {
    return { keyid: String(one?.keyid), sig: String(one?.sig) }
  })
}

/** Packages of before 2017 have nothing better. */
function toSha1(shasum: unknown): string | undefined {
  return typeof shasum === "string" ? `sha1-${Buffer.from(shasum, "hex").toString("base64")}` : undefined
}
