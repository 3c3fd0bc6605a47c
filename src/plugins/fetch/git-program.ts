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
  /** At most so many bytes of answer: a few objects can name each other until a tree has billions of files. */
  maxOutput?: number
}

const maxOutput = 1024 * 1024
const maxErrors = 64 * 1024

export class GitFailure extends Error {
  override name = "GitFailure"
}

const settings = [
  ["core.hooksPath", devNull],
  ["fetch.recurseSubmodules", "no"],
  ["gc.auto", "0"],
  // few objects would become a file each, which `watchSize` does not see
  ["fetch.unpackLimit", "1"],
  ["maintenance.auto", "false"],
  ["credential.interactive", "false"],
  ["advice.detachedHead", "false"],
].flatMap(([name, value]) => ["-c", `${name}=${value}`])

/** Runs the `git` program, never through a shell, without hooks and without questions. @throws GitFailure with what it says */
export async function runGit(args: string[], options: GitOptions): Promise<Uint8Array> {
  const { budget, protocol, repository, stdin } = options
  const child = spawnGit([`--git-dir=${repository ?? devNull}`, ...settings, ...args], {
    env: toGitEnvironment(protocol),
    stdin: stdin ?? "ignore",
    stdout: "pipe",
    stderr: "pipe",
    signal: budget.signal,
  })
  const watch = repository ? watchSize(repository, budget) : undefined
  const limit = options.maxOutput ?? maxOutput
  try {
    const ended = Promise.all([readOutput(child.stdout, limit, budget), readHead(child.stderr), child.exited])
    const [out, err, code] = await (watch ? Promise.race([ended, watch.tooLarge]) : ended)
    budget.signal.throwIfAborted()
    if (repository && (await packSize(repository)) > budget.limit) throw tooLarge(budget)
    if (code === 0) return out
    throw new GitFailure(toReason(err) || `git ${args[0]} ended with ${code}`)
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

async function readOutput(stream: ReadableStream<Uint8Array>, limit: number, budget: Budget): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    length += chunk.length
    if (length > limit) {
      const size = `${Math.floor(limit / 1024 / 1024)} MiB`
      const message = `Cannot fetch "${budget.subject}": git answers with more than ${size}, which is the limit`
      throw new PagodaError("SOURCE_TOO_LARGE", message)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** The rest is read as well, since git would wait for it, but not kept. */
async function readHead(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder()
  let text = ""
  for await (const chunk of stream as AsyncIterable<Uint8Array>)
    if (text.length < maxErrors) text += decoder.decode(chunk, { stream: true })
  return text
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
