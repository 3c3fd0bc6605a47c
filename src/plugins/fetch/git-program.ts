import { readdir, stat } from "node:fs/promises"
import { devNull } from "node:os"
import { join } from "node:path"
import { PagodaError, toMessage } from "../../errors.ts"
import { type Budget, tooLarge } from "./budget.ts"
import { readForeignEnvironment } from "./registry.ts"

export type GitOptions = {
  budget: Budget
  /** The only protocol that git may use, redirects included. */
  protocol: string
  /** The bare repository to work in; without one the working folder is none either, whatever it is. */
  repository?: string
  stdin?: Uint8Array
}

export class GitFailure extends Error {
  override name = "GitFailure"
}

const settings = [
  ["core.hooksPath", devNull],
  ["fetch.recurseSubmodules", "no"],
  ["gc.auto", "0"],
  ["maintenance.auto", "false"],
  ["credential.interactive", "false"],
  ["advice.detachedHead", "false"],
].flatMap(([name, value]) => ["-c", `${name}=${value}`])

/** Runs the `git` program, never through a shell, without hooks and without questions. @throws GitFailure with what it says */
export async function runGit(args: string[], { budget, protocol, repository, stdin }: GitOptions): Promise<Uint8Array> {
  const child = spawnGit([`--git-dir=${repository ?? devNull}`, ...settings, ...args], {
    env: toGitEnvironment(protocol),
    stdin: stdin ?? "ignore",
    stdout: "pipe",
    stderr: "pipe",
    signal: budget.signal,
  })
  const watch = repository ? watchSize(repository, budget) : undefined
  const read = (stream: ReadableStream<Uint8Array>) => new Response(stream).bytes()
  try {
    const ended = Promise.all([read(child.stdout), read(child.stderr), child.exited])
    const [out, err, code] = await (watch ? Promise.race([ended, watch.tooLarge]) : ended)
    budget.signal.throwIfAborted()
    if (repository && (await packSize(repository)) > budget.limit) throw tooLarge(budget)
    if (code === 0) return out
    throw new GitFailure(toReason(new TextDecoder().decode(err)) || `git ${args[0]} ended with ${code}`)
  } finally {
    watch?.stop()
    child.kill()
  }
}

function spawnGit(args: string[], options: Bun.SpawnOptions.OptionsObject<"ignore" | Uint8Array, "pipe", "pipe">) {
  try {
    return Bun.spawn(["git", ...args], options)
  } catch (error) {
    throw new PagodaError(
      "SOURCE_UNREACHABLE",
      `Cannot run the program "git": ${toMessage(error)}; git sources need it: "apt-get install git", "brew install git" or https://git-scm.com`,
      { cause: error },
    )
  }
}

/** What the user set for ssh, certificates and credentials counts; nothing that points git at another repository does. */
function toGitEnvironment(protocol: string): Record<string, string> {
  const wanted =
    /^GIT_(SSH|SSH_COMMAND|SSH_VARIANT|SSL_CAINFO|SSL_CAPATH|CONFIG_GLOBAL|CONFIG_COUNT|CONFIG_KEY_\d+|CONFIG_VALUE_\d+)$/
  const env = Object.fromEntries(
    Object.entries(readForeignEnvironment()).filter(([name]) => !name.startsWith("GIT_") || wanted.test(name)),
  )
  return {
    GIT_SSH_COMMAND: "ssh -oBatchMode=yes",
    ...env,
    GIT_ALLOW_PROTOCOL: protocol,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_TERMINAL_PROMPT: "0",
    GIT_ASKPASS: "",
    SSH_ASKPASS: "",
    GIT_NO_REPLACE_OBJECTS: "1",
    LC_ALL: "C",
  }
}

/** git has no limit of its own for what it fetches: the pack is looked at while it grows. */
function watchSize(repository: string, budget: Budget) {
  const { promise, reject } = Promise.withResolvers<never>()
  promise.catch(() => {})
  const timer = setInterval(async () => {
    if ((await packSize(repository)) > budget.limit) reject(tooLarge(budget))
  }, 100)
  return { tooLarge: promise, stop: () => clearInterval(timer) }
}

async function packSize(repository: string): Promise<number> {
  const folder = join(repository, "objects", "pack")
  const names = await readdir(folder).catch(() => [])
  const sizes = names.map((name) =>
    stat(join(folder, name)).then(
      (found) => found.size,
      () => 0,
    ),
  )
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
}

function toReason(output: string): string {
  const lines = output.split("\n").map((line) => line.trim().replace(/^(fatal|error|remote): /, ""))
  return lines
    .filter((line) => line !== "" && !line.startsWith("hint:"))
    .slice(0, 4)
    .join("; ")
    .replace(/\/\/[^/\s@]+@/g, "//")
}
