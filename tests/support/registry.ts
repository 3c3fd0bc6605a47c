import { mkdtemp, rm } from "node:fs/promises"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { flipByte } from "./folder.ts"
import { makePackage } from "./tarball.ts"

export type Manifest = { name: string; version: string; [field: string]: unknown }

/** A real npm registry (verdaccio) on loopback that knows only what is published to it. */
export type Registry = {
  readonly url: string
  /** Publishes as `npm publish` does; gives the SRI of the tarball. */
  publish(manifest: Manifest, files?: Record<string, string>): Promise<string>
  publishTarball(manifest: Manifest, tarball: Uint8Array): Promise<string>
  /** Changes one byte of a published tarball on the registry's disk. */
  tamper(name: string, version: string): Promise<void>
  /** How many requests there were. */
  readonly requests: readonly string[]
  stop(): Promise<void>
}

/** @param options.token only who sends this token may read */
export async function startRegistry(options: { token?: string } = {}): Promise<Registry> {
  const folder = await mkdtemp(join(tmpdir(), "pagoda-registry-"))
  const { runServer } = await import("verdaccio")
  const server = await runServer({
    self_path: join(folder, "config.yaml"),
    storage: join(folder, "storage"),
    uplinks: {},
    packages: { "**": { access: "$all", publish: "$all" } },
    auth: { htpasswd: { file: join(folder, "htpasswd") } },
    log: { type: "stdout", format: "json", level: "fatal" },
    web: { enable: false },
  } as never)
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const inner = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const requests: string[] = []
  const gate = startGate(inner, requests, options.token)
  const url = gate.url.origin

  const publishTarball = async (manifest: Manifest, tarball: Uint8Array) => {
    const response = await fetch(`${url}/${manifest.name.replace("/", "%2f")}`, {
      method: "PUT",
      headers: { "content-type": "application/json", ...toAuthorization(options.token) },
      body: JSON.stringify(toPublication(manifest, tarball, url)),
    })
    if (!response.ok) throw new Error(`publish: ${response.status} ${await response.text()}`)
    return toSri(tarball)
  }
  return {
    url,
    requests,
    publishTarball,
    publish: async (manifest, files = {}) =>
      publishTarball(manifest, await makePackage({ "package.json": JSON.stringify(manifest), ...files })),
    tamper: (name, version) => flipByte(join(folder, "storage", name, toTarballName(name, version))),
    async stop() {
      await gate.stop(true)
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Counts requests and asks for the token; all else is verdaccio's. */
function startGate(inner: string, requests: string[], token: string | undefined) {
  return Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const { pathname, search } = new URL(request.url)
      requests.push(`${request.method} ${pathname}`)
      if (token && request.headers.get("authorization") !== `Bearer ${token}`) return new Response("", { status: 401 })
      const headers = new Headers(request.headers)
      headers.delete("authorization")
      headers.set("accept-encoding", "identity")
      const body = request.method === "PUT" ? await request.arrayBuffer() : undefined
      return fetch(inner + pathname + search, { method: request.method, headers, body, redirect: "manual" })
    },
  })
}

function toAuthorization(token: string | undefined): Record<string, string> {
  return token ? { authorization: `Bearer ${token}` } : {}
}

function toTarballName(name: string, version: string): string {
  return `${name.replace(/^@[^/]+\//, "")}-${version}.tgz`
}

function toSri(bytes: Uint8Array): string {
  return `sha512-${new Bun.CryptoHasher("sha512").update(bytes).digest("base64")}`
}

function toPublication(manifest: Manifest, tarball: Uint8Array, url: string) {
  const { name, version } = manifest
  const file = toTarballName(name, version)
  const dist = {
    integrity: toSri(tarball),
    shasum: new Bun.CryptoHasher("sha1").update(tarball).digest("hex"),
    tarball: `${url}/${name}/-/${file}`,
  }
  return {
    _id: name,
    name,
    "dist-tags": { latest: version },
    versions: { [version]: { ...manifest, dist } },
    _attachments: {
      [file]: {
        content_type: "application/octet-stream",
        data: Buffer.from(tarball).toString("base64"),
        length: tarball.length,
      },
    },
  }
}
