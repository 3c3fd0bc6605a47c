import { rmSync, writeFileSync } from "node:fs"
import type { Log } from "../../log.ts"
import { type Claims, claimSlots, openClaims } from "./claims.ts"
import type { ToHost, ToProcess } from "./messages.ts"

export type Program = {
  /** The program and its arguments. */
  readonly command: readonly string[]
  /** All that the process finds in its environment. */
  readonly env: Readonly<Record<string, string>>
  /** A folder of this host's own. */
  readonly folder: string
}

export type Channel = {
  readonly pid: number
  readonly claims: Claims
  send(message: ToProcess): void
  kill(): void
}

export type Listeners = {
  onMessage(message: ToHost): void
  /** Once, after the last message. */
  onEnd(how: string): void
}

/** After a process has ended its last messages are read; a process that it left behind may hold the channel open. */
const lastMessages = 500
const longestLine = 10_000

/** Starts a job process. What it prints goes to the log: stdout belongs to what a command answers. */
export function spawnJobProcess({ command, env, folder }: Program, log: Log, listeners: Listeners): Channel {
  const file = `${folder}/job-process-${process.pid}-${Bun.randomUUIDv7()}`
  writeFileSync(file, new Uint8Array(claimSlots), { mode: 0o600, flag: "wx" })
  const claims = openClaims(file)
  const closed = Promise.withResolvers<void>()
  let isConnected = true
  const child = start()
  const send = (message: ToProcess) => {
    // one that has just ended is told of by its end
    if (isConnected) child.send(message)
  }
  for (const stream of [child.stdout, child.stderr]) {
    readLines(stream, (line) => log.warn(`The job process said: ${line}`, { pid: child.pid })).catch((error) =>
      log.error("What the job process says cannot be read", { error }),
    )
  }
  child.exited.then(async () => {
    await Promise.race([closed.promise, Bun.sleep(lastMessages)])
    rmSync(file, { force: true })
    const { signalCode, exitCode } = child
    listeners.onEnd(signalCode ? `was ended by ${signalCode}` : `ended with exit code ${exitCode}`)
  })
  send({ type: "begin", claims: file })
  return { pid: child.pid, claims, send, kill: () => child.kill("SIGKILL") }

  function start() {
    try {
      return Bun.spawn([...command], {
        // the kernel ends it with this process, even where it is busy; what it started ends with it
        env: { ...env, BUN_FEATURE_FLAG_NO_ORPHANS: "1" },
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
        serialization: "json",
        ipc(message: ToHost) {
          if (message?.type === "ready") rmSync(file, { force: true })
          listeners.onMessage(message)
        },
        onDisconnect() {
          isConnected = false
          closed.resolve()
        },
      })
    } catch (error) {
      rmSync(file, { force: true })
      throw error
    }
  }
}

async function readLines(stream: ReadableStream<Uint8Array>, take: (line: string) => void): Promise<void> {
  const decoder = new TextDecoder()
  let rest = ""
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n")
    rest = (lines.pop() ?? "").slice(-longestLine)
    for (const line of lines) if (line.trim() !== "") take(line.slice(0, longestLine))
  }
  if (rest.trim() !== "") take(rest)
}
