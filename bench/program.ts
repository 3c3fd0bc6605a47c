import { readFileSync } from "node:fs"

/** A server that was started, what it took and what it holds. */
export type Started = { url: string; firstAnswer: number; memory: number; stop(): Promise<void> }

/** Starts a binary and asks for `path` until it answers 200: milliseconds from the start of the process to that answer. */
export async function startProgram(
  command: string[],
  options: { cwd: string; env: Record<string, string>; path: string; headers?: Record<string, string> },
): Promise<Started> {
  const port = freePort()
  const url = `http://127.0.0.1:${port}`
  const env = { PATH: "/usr/bin:/bin", PORT: String(port), PAGODA_PORT: String(port), ...options.env }
  const began = performance.now()
  const child = Bun.spawn(command, { cwd: options.cwd, env, stdout: "ignore", stderr: "pipe" })
  while (child.exitCode === null && performance.now() - began < 30_000) {
    const status = await fetch(url + options.path, { headers: options.headers }).then(
      async (answer) => {
        await answer.arrayBuffer()
        return answer.status
      },
      () => 0,
    )
    if (status !== 200) {
      // asking without a pause would take the processor from the one that starts
      await Bun.sleep(1)
      continue
    }
    const firstAnswer = performance.now() - began
    return { url, firstAnswer, memory: residentMegabytes(child.pid), stop: () => stop(child) }
  }
  await stop(child)
  throw new Error(
    `${command.join(" ")} did not answer ${options.path} with 200: ${await new Response(child.stderr).text()}`,
  )
}

async function stop(child: Bun.Subprocess): Promise<void> {
  child.kill("SIGTERM")
  await child.exited
}

function residentMegabytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8")
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024
}

function freePort(): number {
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } })
  probe.stop(true)
  return probe.port
}
