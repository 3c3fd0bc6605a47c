import { afterAll, beforeAll, expect, test } from "bun:test"
import { join } from "node:path"
import { fetchAt } from "../../../src/plugins/fetch/fetch-at.ts"
import { certificate, certificateKey } from "../../support/certificate.ts"
import { makeFolder, removeFolders } from "../../support/folder.ts"

// No name below has an address: a test that passes has looked none up.
const name = "pinned.invalid"
/** The first bytes of each connection that speaks TLS: they have the name that is asked for, in the clear. */
const greetings: string[] = []
let web: Bun.Server<unknown>
let secure: Bun.TCPSocketListener<undefined>

beforeAll(() => {
  web = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => Response.json([request.method, request.headers.get("host"), await request.text()]),
  })
  secure = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket, bytes) {
        greetings.push(bytes.toString("latin1"))
        socket.end()
      },
    },
  })
})

afterAll(async () => {
  await web.stop(true)
  secure.stop(true)
  await removeFolders()
})

test("fetchAt() connects to the address it is given, and asks there for the name", async () => {
  const url = `http://${name}:${web.port}/x`
  const response = await fetchAt(url, ["127.0.0.1"], { method: "POST", body: "hello", headers: { host: "other" } })
  expect(await response.json()).toEqual(["POST", `${name}:${web.port}`, "hello"])
})

test("fetchAt() says the name in the clear of TLS", async () => {
  await expect(fetchAt(`https://${name}.:${secure.port}/`, ["127.0.0.1"], {})).rejects.toThrow()
  expect(greetings).toHaveLength(1)
  expect(greetings[0]).toContain(name)
  expect(greetings[0]).not.toContain(`${name}.`)
})

test("fetchAt() takes only a certificate of the name, wherever it connects to", async () => {
  const folder = await makeFolder({ "ca.pem": certificate })
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    tls: { cert: certificate, key: certificateKey },
    fetch: (request) => new Response(request.headers.get("host")),
  })
  const program = `
    const { fetchAt } = await import(${JSON.stringify(require.resolve("../../../src/plugins/fetch/fetch-at.ts"))})
    for (const name of ["secure.test", "other.test"]) {
      const asked = fetchAt(\`https://\${name}:${server.port}/\`, ["127.0.0.1"], {})
      console.log(await asked.then((response) => response.text(), ({ code }) => code))
    }`
  const run = Bun.spawn([process.execPath, "-e", program], {
    env: { ...process.env, NODE_EXTRA_CA_CERTS: join(folder, "ca.pem") },
    stderr: "inherit",
  })
  expect(await new Response(run.stdout).text()).toBe(`secure.test:${server.port}\nERR_TLS_CERT_ALTNAME_INVALID\n`)
  await server.stop(true)
})

test("fetchAt() tries the next address where one is not reached, IPv4 first", async () => {
  const url = `http://${name}:${web.port}/`
  expect((await fetchAt(url, ["::1", "127.0.0.2", "127.0.0.1"], {})).status).toBe(200)
  await expect(fetchAt(url, ["127.0.0.2"], {})).rejects.toMatchObject({ code: "ECONNREFUSED" })
})

test("fetchAt() without an address is fetch", async () => {
  expect((await fetchAt(`http://127.0.0.1:${web.port}/`, [], {})).status).toBe(200)
})
