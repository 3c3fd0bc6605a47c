import { afterAll, afterEach, beforeAll, expect, test } from "bun:test"
import { readTrust } from "../../../src/plugins/fetch/trust.ts"
import { resolveSource } from "../../../src/plugins/fetch.ts"
import { makeContext } from "../../support/fetching.ts"
import { removeFolders } from "../../support/folder.ts"
import { makeStatement, type SigningRegistry, startSigningRegistry } from "../../support/signing-registry.ts"

let registry: SigningRegistry

beforeAll(async () => {
  registry = await startSigningRegistry()
  await registry.publish({ name: "@team/leaf", version: "1.0.0" }, { "index.js": "" })
  await registry.publish(
    { name: "signed", version: "1.0.0", dependencies: { "@team/leaf": "1" } },
    { "plugin.ts": "export default 1" },
  )
})
afterEach(() => {
  registry.signing = {}
})
afterAll(async () => {
  await registry.stop()
  await removeFolders()
})

async function resolve() {
  const context = await makeContext({ registry: registry.url })
  const fetched = await resolveSource({ kind: "npm", name: "signed", range: "1" }, context)
  const trustOf = (integrity?: string) => readTrust(integrity ?? "", context.store)
  return {
    context,
    fetched,
    trust: await trustOf(fetched.integrity),
    leaf: await trustOf(fetched.packages.get("@team/leaf@1.0.0")?.integrity),
  }
}

test("a package and all that it needs are verified with the registry's keys, and that is written down", async () => {
  const { trust, leaf } = await resolve()
  const verified = { signature: "verified" as const, keyid: registry.keyid }
  expect([trust, leaf]).toEqual([verified, verified])
})

test("what was in the store already stays as it was found when it came from the registry", async () => {
  const { context, leaf, fetched } = await resolve()
  registry.signing = { unsigned: true }
  await resolveSource({ kind: "npm", name: "signed", range: "1" }, context)
  expect(await readTrust(fetched.integrity, context.store)).toEqual({ signature: "unsigned" })
  expect(leaf?.signature).toBe("verified")
})

test("a package without signatures is unsigned, and one that nobody can verify is unverified", async () => {
  registry.signing = { unsigned: true }
  expect((await resolve()).trust).toEqual({ signature: "unsigned" })
  registry.signing = { keys: "none" }
  expect((await resolve()).trust).toEqual({ signature: "unverified" })
})

const wrong: Record<string, [SigningRegistry["signing"], string]> = {
  "of another version": [{ text: ({ name, dist }) => `${name}@9.9.9:${dist.integrity}` }, "it is no signature by"],
  "of other bytes": [{ text: ({ name, version }) => `${name}@${version}:sha512-AAAA` }, "it is no signature by"],
  "that is no signature": [{ change: ({ dist }) => (dist.signatures = [{ keyid: 1 }]) }, 'no key "1"'],
  "by a key that the registry does not have": [{ keys: "others" }, "the registry has no key"],
  "by a key that had expired": [{ keys: "expired" }, "expired on 2020-01-01"],
}
for (const [what, [signing, message]] of Object.entries(wrong)) {
  test(`a signature ${what} is refused`, async () => {
    registry.signing = signing
    await expect(resolve()).rejects.toMatchObject({
      code: "SIGNATURE_INVALID",
      message: expect.stringContaining(message),
    })
  })
}

const others: [what: string, of: string, as: { name: string; version: string }][] = [
  ["package", "signed", { name: "other", version: "1.0.0" }],
  ["package that is needed", "@team/leaf", { name: "@team/other", version: "1.0.0" }],
  ["version", "@team/leaf", { name: "@team/leaf", version: "0.9.0" }],
]
test.each(others)(
  "another %s than the one that was asked for is refused, however well it is signed",
  async (_, of, as) => {
    registry.signing = {
      text: ({ name, version, dist }) =>
        `${name === of ? `${as.name}@${as.version}` : `${name}@${version}`}:${dist.integrity}`,
      change: (view) => void (view.name === of && Object.assign(view, as)),
    }
    await expect(resolve()).rejects.toMatchObject({
      code: "SOURCE_REFUSED",
      message: expect.stringContaining(`the registry answers with "${as.name}@${as.version}"`),
    })
  },
)

test("keys that are no JSON are an error, not a package without signatures", async () => {
  registry.signing = { keys: "no JSON" }
  await expect(resolve()).rejects.toMatchObject({ code: "SOURCE_REFUSED" })
})

test("the hash that is signed has to be that of the tarball", async () => {
  const lie = `sha512-${"A".repeat(86)}==`
  registry.signing = { text: ({ name, version }) => `${name}@${version}:${lie}`, change: liar(lie) }
  await expect(resolve()).rejects.toMatchObject({ code: "INTEGRITY_MISMATCH" })
})

function liar(integrity: string) {
  return (view: { dist: Record<string, unknown> }) => {
    view.dist.integrity = integrity
  }
}

test("a provenance is read, as long as it is of these bytes", async () => {
  registry.signing = { statement: (view) => makeStatement(view) }
  expect((await resolve()).trust?.provenance).toEqual({
    repository: "https://github.com/team/plugin",
    commit: "c0ffee",
    workflow: ".github/workflows/release.yml@refs/tags/v1.0.0",
    builder: "https://github.com/actions/runner/github-hosted",
  })
  registry.signing = { statement: (view) => makeStatement(view, { sha512: "00" }) }
  await expect(resolve()).rejects.toMatchObject({
    code: "SIGNATURE_INVALID",
    message: expect.stringContaining("provenance is of other bytes"),
  })
})

test("a provenance that is announced and not to be had is left out", async () => {
  registry.signing = { statement: () => undefined }
  expect((await resolve()).trust).toEqual({ signature: "verified", keyid: registry.keyid })
})

const payload = (statement: unknown) => {
  const dsseEnvelope = { payload: Buffer.from(JSON.stringify(statement)).toString("base64") }
  return { attestations: [{ predicateType: "https://slsa.dev/provenance/v1", bundle: { dsseEnvelope } }] }
}
const strange: unknown[] = [null, { attestations: 1 }, { attestations: [null] }, payload(null), payload({ subject: 1 })]
for (const attestations of [...strange, payload({ subject: [null] }), payload("text")]) {
  test(`a registry that answers ${JSON.stringify(attestations).slice(0, 60)} for a provenance is refused by name`, async () => {
    registry.signing = { statement: (view) => makeStatement(view), attestations }
    await expect(resolve()).rejects.toMatchObject({
      code: "SIGNATURE_INVALID",
      message: expect.stringContaining("provenance"),
    })
  })
}

test("a provenance without what is shown of it is unknown, and no failure", async () => {
  registry.signing = {
    statement: (view) => ({ ...makeStatement(view), predicate: { buildDefinition: { resolvedDependencies: [] } } }),
  }
  const unknown = "unknown"
  expect((await resolve()).trust?.provenance).toEqual({
    ...{ repository: unknown, commit: unknown, workflow: unknown, builder: unknown },
  })
})
