import { afterAll, beforeAll, expect, test } from "bun:test"
import { join } from "node:path"
import { readAuthorities } from "../../../src/plugins/fetch/certificates.ts"
import { resolveSource } from "../../../src/plugins/fetch.ts"
import { parseSourceRequest } from "../../../src/plugins/source.ts"
import { certificate, certificateKey } from "../../support/certificate.ts"
import { makeContext } from "../../support/fetching.ts"
import { makeFolder, removeFolders } from "../../support/folder.ts"
import { type Registry, startRegistry } from "../../support/registry.ts"

let inner: Registry
let secure: Bun.Server<unknown>

/** A real registry behind a certificate that only those trust who were told of it. */
beforeAll(async () => {
  inner = await startRegistry()
  await inner.publish({ name: "behind-tls", version: "1.0.0", type: "module" }, { "plugin.ts": "export default 1" })
  secure = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    tls: { cert: certificate, key: certificateKey },
    async fetch(request) {
      const { pathname, origin } = new URL(request.url)
      const answer = await fetch(inner.url + pathname, { headers: { "accept-encoding": "identity" } })
      if (!/json/.test(answer.headers.get("content-type") ?? "")) return answer
      return new Response((await answer.text()).replaceAll(inner.url, origin), answer)
    },
  })
})

afterAll(async () => {
  await secure.stop(true)
  await inner.stop()
  await removeFolders()
})

const oneLine = certificate.trim().replaceAll("\n", "\\n")

async function take(line: string) {
  const context = await makeContext({ npmrc: `registry=https://localhost:${secure.port}/\n${line}\n` })
  await Bun.write(join(context.folder, "own/ca.pem"), certificate)
  return resolveSource(parseSourceRequest("npm:behind-tls@1"), context)
}

test.each([
  ["a file beside it", "cafile=./own/ca.pem"],
  ["text", `ca="${oneLine}"`],
  ["texts", `ca[]="${oneLine}"`],
])("an authority that .npmrc names as %s counts for tarballs as well", async (_, line) => {
  expect((await take(line)).files.has("plugin.ts")).toBe(true)
})

test("without one, and by strict-ssl=false, the registry is not trusted", async () => {
  for (const line of ["", "strict-ssl=false"]) {
    await expect(take(line)).rejects.toMatchObject({ code: "SOURCE_UNREACHABLE" })
  }
})

test("readAuthorities() takes the project's before the user's, and says which file is missing", async () => {
  const home = await makeFolder({ ".npmrc": "cafile=/of/nobody.pem\n" })
  const project = await makeFolder({ ".npmrc": `ca=\${TEST_CA}\n` })
  const empty = await makeFolder({ ".npmrc": "registry=https://registry.example/\nca=null\ncafile=\n" })
  expect((await readAuthorities(project, { HOME: home, TEST_CA: "mine" }))?.[0]).toBe("mine")
  expect(await readAuthorities(empty, { HOME: empty })).toBeUndefined()
  await expect(readAuthorities(empty, { HOME: home })).rejects.toThrow('Cannot read "/of/nobody.pem"')
})
