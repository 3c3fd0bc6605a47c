import { createHash, generateKeyPairSync, sign } from "node:crypto"
import { type Registry, startRegistry } from "./registry.ts"

type View = { name: string; version: string; dist: Record<string, any> }

/** What a signing registry is made to do wrong, or not at all. */
export type Signing = {
  /** Changes what it says of a version; the signature is of what was there before. */
  change?: (view: View) => void
  /** What it signs in place of `name@version:integrity`. */
  text?: (view: View) => string
  keys?: "none" | "others" | "expired" | "no JSON"
  /** The provenance of each version, as its statement; nothing: it has none. */
  statement?: (view: View) => object | undefined
  unsigned?: boolean
  /** What it answers in place of the attestations. */
  attestations?: unknown
}

export type SigningRegistry = Registry & { readonly keyid: string; signing: Signing }

/** A real registry behind one that signs what it gives with a key of its own, as npm's does. */
export async function startSigningRegistry(): Promise<SigningRegistry> {
  const inner = await startRegistry()
  const made = generateKeyPairSync("ec", { namedCurve: "prime256v1" })
  const spki = (pair: typeof made) => pair.publicKey.export({ format: "der", type: "spki" })
  const toKeyid = (pair: typeof made) => `SHA256:${createHash("sha256").update(spki(pair)).digest("base64")}`
  const keyid = toKeyid(made)
  const registry = { ...inner, keyid, signing: {} as Signing }

  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const { pathname, search, origin } = new URL(request.url)
      if (pathname === "/-/npm/v1/keys") return toKeys()
      const attested = /^\/-\/npm\/v1\/attestations\/(.+)@([^@]+)$/.exec(decodeURIComponent(pathname))
      if (attested) return toAttestations(await readView(attested[1]!, attested[2]!))
      const answer = await fetch(inner.url + pathname + search, {
        headers: { accept: request.headers.get("accept") ?? "*/*", "accept-encoding": "identity" },
      })
      if (!/json/.test(answer.headers.get("content-type") ?? "")) return answer
      const found = JSON.parse((await answer.text()).replaceAll(inner.url, origin))
      for (const view of Object.values<View>(found.versions ?? {})) addSignature(view, origin)
      return Response.json(found, { status: answer.status })
    },
  })
  const url = `http://127.0.0.1:${server.port}`

  async function readView(name: string, version: string): Promise<View> {
    const found: any = await (await fetch(`${inner.url}/${name.replace("/", "%2f")}`)).json()
    return found.versions[version]
  }

  function addSignature(view: View, origin: string): void {
    const { unsigned, text, change, statement } = registry.signing
    const { name, version, dist } = view
    if (statement) {
      dist.attestations = {
        url: `${origin}/-/npm/v1/attestations/${name.replace("/", "%2f")}@${version}`,
        provenance: { predicateType: "https://slsa.dev/provenance/v1" },
      }
    }
    if (!unsigned) {
      const signed = text?.(view) ?? `${name}@${version}:${dist.integrity}`
      dist.signatures = [{ keyid, sig: sign("sha256", Buffer.from(signed), made.privateKey).toString("base64") }]
    }
    change?.(view)
  }

  function toKeys(): Response {
    const { keys } = registry.signing
    if (keys === "none") return new Response("", { status: 404 })
    if (keys === "no JSON") return new Response("<html>")
    const pair = keys === "others" ? generateKeyPairSync("ec", { namedCurve: "prime256v1" }) : made
    const expires = keys === "expired" ? "2020-01-01T00:00:00.000Z" : null
    const about = { keytype: "ecdsa-sha2-nistp256", scheme: "ecdsa-sha2-nistp256", expires }
    return Response.json({ keys: [{ keyid: toKeyid(pair), key: spki(pair).toString("base64"), ...about }] })
  }

  function toAttestations(view: View): Response {
    const { attestations } = registry.signing
    if (attestations !== undefined) return Response.json(attestations)
    const statement = registry.signing.statement?.(view)
    if (!statement) return new Response("", { status: 404 })
    const payload = Buffer.from(JSON.stringify(statement)).toString("base64")
    const bundle = { dsseEnvelope: { payload, payloadType: "application/vnd.in-toto+json", signatures: [] } }
    return Response.json({ attestations: [{ predicateType: "https://slsa.dev/provenance/v1", bundle }] })
  }

  return Object.assign(registry, {
    url,
    async stop() {
      await server.stop(true)
      await inner.stop()
    },
  })
}

/** The statement that a build service makes of a package. */
export function makeStatement({ name, version, dist }: View, about: { sha512?: string } = {}): object {
  const sha512 = about.sha512 ?? Buffer.from(dist.integrity.slice(7), "base64").toString("hex")
  return {
    _type: "https://in-toto.io/Statement/v1",
    subject: [{ name: `pkg:npm/${name.replace("@", "%40")}@${version}`, digest: { sha512 } }],
    predicateType: "https://slsa.dev/provenance/v1",
    predicate: {
      buildDefinition: {
        externalParameters: {
          workflow: {
            ref: "refs/tags/v1.0.0",
            repository: "https://github.com/team/plugin",
            path: ".github/workflows/release.yml",
          },
        },
        resolvedDependencies: [{ uri: "git+https://github.com/team/plugin", digest: { gitCommit: "c0ffee" } }],
      },
      runDetails: { builder: { id: "https://github.com/actions/runner/github-hosted" } },
    },
  }
}
