import { basename, dirname } from "node:path"
import type { Repository } from "./repository.ts"

export type GitServer = { urlOf(repository: Repository): string; stop(): Promise<void> }

/** Serves repositories over git's smart HTTP protocol on loopback: `git http-backend` behind a small CGI host. */
export function startGitServer(): GitServer {
  const roots = new Map<string, string>()
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      const url = new URL(request.url)
      const root = roots.get(url.pathname.split("/")[1] ?? "")
      return root ? runBackend(request, url, root) : new Response("", { status: 404 })
    },
  })
  return {
    urlOf(repository) {
      roots.set(basename(repository.folder), dirname(repository.folder))
      return `http://127.0.0.1:${server.port}/${basename(repository.folder)}`
    },
    stop: () => server.stop(true),
  }
}

async function runBackend(request: Request, url: URL, root: string): Promise<Response> {
  const path = url.pathname.replace(/^\/([^/]+)/, "/$1/.git")
  const child = Bun.spawn(["git", "http-backend"], {
    env: {
      PATH: process.env.PATH ?? "",
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: "1",
      GIT_PROTOCOL: request.headers.get("git-protocol") ?? "",
      PATH_INFO: path,
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers.get("content-type") ?? "",
      HTTP_CONTENT_ENCODING: request.headers.get("content-encoding") ?? "",
    },
    stdin: new Uint8Array(await request.arrayBuffer()),
    stdout: "pipe",
    stderr: "ignore",
  })
  const output = await new Response(child.stdout).bytes()
  const end = Buffer.from(output).indexOf("\r\n\r\n")
  const lines = new TextDecoder().decode(output.subarray(0, end)).split("\r\n")
  const headers = new Headers(lines.map((line) => line.split(/: (.*)/s).slice(0, 2) as [string, string]))
  const status = Number.parseInt(headers.get("status") ?? "200", 10)
  headers.delete("status")
  return new Response(output.subarray(end + 4), { status, headers })
}
