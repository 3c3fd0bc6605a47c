import { existsSync } from "node:fs"
import { copyFile, symlink } from "node:fs/promises"
import { join } from "node:path"
import { makeFolder } from "./folder.ts"

export type PagodaOptions = { cwd: string; env?: Record<string, string>; stdin?: string }
export type PagodaResult = { stdout: string; stderr: string; exitCode: number }

/** A host in a process of its own. `stop` asks it to end and waits until it has. */
export type RunningPagoda = {
  url: string
  process: Bun.Subprocess
  /** What it wrote on stderr until now. */
  stderr(): string
  stop(signal?: NodeJS.Signals): Promise<PagodaResult>
}

/** `PAGODA_BINARY=<path>` makes every such test drive the binary in place of the source, as if on a bare machine. */
const binary = process.env.PAGODA_BINARY

type Program = { file: string; args: string[]; path: string }

const source: Program = {
  file: process.execPath,
  args: [join(import.meta.dir, "../../src/main.ts")],
  path: process.env.PATH ?? "",
}
let bare: Promise<Program> | undefined

/** `removeFolders` takes the bare machine away as well; the next file's tests set up another. */
async function findProgram(): Promise<Program> {
  if (!binary) return source
  if (bare && !existsSync((await bare).file)) bare = undefined
  bare ??= setUpBareMachine(binary)
  return bare
}

/** A copy of the binary alone in a folder, and no program on the path but git: neither Bun nor Node nor npm. */
async function setUpBareMachine(from: string): Promise<Program> {
  const file = join(await makeFolder(), "pagoda")
  await copyFile(from, file)
  const path = await makeFolder()
  const git = Bun.which("git")
  if (git) await symlink(git, join(path, "git"))
  return { file, args: [], path }
}

/** Runs the command line until it ends. */
export async function runPagoda(args: string[], options: PagodaOptions): Promise<PagodaResult> {
  const child = await spawn(args, options)
  const [stdout, stderr, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  return { stdout, stderr, exitCode }
}

/** Runs a command and kills it with no warning so long after it said this on stderr, unless it ended before. */
export async function killPagoda(
  args: string[],
  options: PagodaOptions,
  { said, after_ms }: { said: string; after_ms: number },
): Promise<{ stderr: string; isKilled: boolean }> {
  const child = await spawn(args, options)
  let stderr = ""
  let timer: Timer | undefined
  await collect(child.stderr, (text) => {
    stderr += text
    if (timer || !stderr.includes(said)) return
    if (after_ms === 0) child.kill("SIGKILL")
    timer = setTimeout(() => child.kill("SIGKILL"), after_ms)
  })
  await child.exited
  clearTimeout(timer)
  return { stderr, isKilled: child.signalCode === "SIGKILL" }
}

/** Starts `serve` and waits for its ready line. @throws with what it wrote when it ends before */
export async function startPagoda(args: string[], options: PagodaOptions): Promise<RunningPagoda> {
  return start(
    ["serve", ...(args.includes("--port") ? [] : ["--port", "0"]), ...args],
    /^pagoda ready (\S+)\n/m,
    options,
  )
}

/** Starts `worker` and waits for its ready line; it has no url. @throws with what it wrote when it ends before */
export function startPagodaWorker(args: string[], options: PagodaOptions): Promise<RunningPagoda> {
  return start(["worker", ...args], /^pagoda worker (ready)\n/m, options)
}

/** Starts `dev` on a project and waits for its ready line. @throws with what it wrote when it ends before */
export function startPagodaDev(args: string[], options: PagodaOptions): Promise<RunningPagoda> {
  return start(["dev", "--port", "0", ...args], /^pagoda ready (\S+)\n/m, options)
}

async function start(args: string[], isReady: RegExp, options: PagodaOptions): Promise<RunningPagoda> {
  const child = await spawn(args, options)
  let stderr = ""
  let stdout = ""
  const errors = collect(child.stderr, (text) => {
    stderr += text
  })
  const ready = Promise.withResolvers<string>()
  const output = collect(child.stdout, (text) => {
    stdout += text
    const url = isReady.exec(stdout)?.[1]
    if (url) ready.resolve(url)
  })
  const ended = async (): Promise<PagodaResult> => {
    const exitCode = await child.exited
    await Promise.all([errors, output])
    return { stdout, stderr, exitCode }
  }
  const failed = ended().then(({ exitCode }) => {
    throw new Error(`pagoda ${args[0]} ended with ${exitCode} before it was ready:\n${stderr}`)
  })
  failed.catch(() => {})
  const url = await Promise.race([ready.promise, failed])
  return {
    url,
    process: child,
    stderr: () => stderr,
    stop: (signal = "SIGTERM") => {
      child.kill(signal)
      return ended()
    },
  }
}

/** Runs it on a terminal of its own, and answers once it asks. */
export async function runOnTerminal(
  args: string[],
  { cwd, env, question, answer = "" }: PagodaOptions & { question?: string; answer?: string },
): Promise<{ output: string; exitCode: number }> {
  let output = ""
  let answered = question === undefined
  const decoder = new TextDecoder()
  const closed = Promise.withResolvers<void>()
  const program = await findProgram()
  const child = Bun.spawn([program.file, ...program.args, ...args], {
    cwd,
    env: { ...toEnvironment(program, env), TERM: "xterm" },
    terminal: {
      cols: 200,
      rows: 50,
      data(terminal, bytes) {
        output += decoder.decode(bytes, { stream: true })
        if (answered || !output.includes(question ?? "")) return
        answered = true
        terminal.write(answer)
      },
      exit: () => closed.resolve(),
    },
  })
  const exitCode = await child.exited
  await closed.promise
  return { output, exitCode }
}

/** Nothing of the caller's settings reaches it, but for what finding programs and a home takes. */
function toEnvironment({ path }: Program, env: Record<string, string> = {}): Record<string, string> {
  const { HOME = "", TMPDIR } = process.env
  return { PATH: path, HOME, ...(TMPDIR && { TMPDIR }), ...env }
}

async function spawn(args: string[], { cwd, env, stdin }: PagodaOptions) {
  const program = await findProgram()
  return Bun.spawn([program.file, ...program.args, ...args], {
    cwd,
    env: toEnvironment(program, env),
    stdin: stdin === undefined ? "ignore" : new TextEncoder().encode(stdin),
    stdout: "pipe",
    stderr: "pipe",
  })
}

async function collect(stream: ReadableStream<Uint8Array>, take: (text: string) => void): Promise<void> {
  const decoder = new TextDecoder()
  for await (const chunk of stream) take(decoder.decode(chunk, { stream: true }))
}

/** Waits until a host has said something on stderr: what it writes arrives after what it answers. */
export async function untilSaid(host: Pick<RunningPagoda, "stderr">, text: string, patience = 10_000): Promise<void> {
  const end = performance.now() + patience
  while (!host.stderr().includes(text)) {
    if (performance.now() > end) throw new Error(`"${text}" is not in what the host said:\n${host.stderr()}`)
    await Bun.sleep(10)
  }
}
