import { randomUUID } from "node:crypto"
import { mkdir, mkdtemp, rm, symlink } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import type { Config } from "../config.ts"
import { readSecretKey } from "../core/secret-key.ts"
import { PagodaError } from "../errors.ts"
import { startHost } from "../host.ts"
import { createLog, type Log } from "../log.ts"
import type { Call } from "./command.ts"
import { print, say } from "./output.ts"
import { readDisabled } from "./plugin-status.ts"

export async function openapi({ flags, config }: Call): Promise<undefined> {
  const log = createLog({ level: "error", format: config.logFormat })
  const text = JSON.stringify(await withScratch(config, (scratch) => readDocument(scratch, log)), null, 2)
  if (typeof flags.out !== "string") return void (await print(text))
  const file = resolve(flags.out)
  await Bun.write(file, `${text}\n`)
  await say(`Wrote ${file}.`)
}

/** Of a host that answers: only mounted plugins know their routes. */
async function readDocument(config: Config, log: Log): Promise<unknown> {
  const host = await startHost(config, log)
  try {
    const answer = await fetch(`${host.url}/swagger/json`)
    if (answer.ok) return await answer.json()
    throw new PagodaError("INTERNAL", `Cannot read the OpenAPI document: the host answered ${answer.status}`)
  } finally {
    await host.stop()
  }
}

/** A host beside the real one, which may be running: the same plugins and store, an empty database. */
async function withScratch<T>(config: Config, work: (scratch: Config) => Promise<T>): Promise<T> {
  const secretKey = await readSecretKey(config)
  const store = join(config.dataDir, "store")
  await mkdir(store, { recursive: true, mode: 0o700 })
  const dataDir = await mkdtemp(join(tmpdir(), "pagoda-openapi-"))
  try {
    await symlink(store, join(dataDir, "store"))
    const blacklist = [...config.blacklist, ...(await readDisabled(config))]
    const own = { dataDir, secretKey, blacklist, databaseUrl: undefined, host: "127.0.0.1", port: 0 }
    // nobody logs in there, and a password that nobody chose would be told
    return await work({ ...config, ...own, adminPassword: randomUUID() })
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
}
