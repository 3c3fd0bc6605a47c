import { constants, existsSync, readFileSync, type Stats, statSync } from "node:fs"
import { access, statfs } from "node:fs/promises"
import type { Config } from "../../config.ts"
import { hasPendingKey } from "../../core/key-rotation.ts"
import { secretKeyFile } from "../../core/secret-key.ts"
import { toMessage } from "../../errors.ts"
import { sqliteFile } from "../open.ts"
import { type Finding, fine, wrong } from "./finding.ts"

/** Below so much SQLite, the store and bundling come to a stop soon. */
const leastFree = 256 * 1024 * 1024
const shortestKey = 32

/** The data directory and what is in it; changes nothing. */
export async function checkFiles(config: Config): Promise<Finding[]> {
  const { dataDir } = config
  if (!existsSync(dataDir)) return [fine("data directory", `"${dataDir}" is not there yet: the first start makes it`)]
  const files = [secretKeyFile(dataDir), sqliteFile(config)].filter(existsSync)
  return [
    await checkFolder(dataDir),
    ...files.flatMap((file) => checkMode("file modes", file, 0o600)),
    await checkSpace(dataDir),
    checkKey(config),
  ]
}

async function checkFolder(dataDir: string): Promise<Finding> {
  const name = "data directory"
  try {
    await access(dataDir, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    return wrong(name, `"${dataDir}" cannot be used: ${toMessage(error)}`, "give it to the user who runs Pagoda")
  }
  return checkMode(name, dataDir, 0o700)[0] ?? fine(name, `"${dataDir}" is this user's alone`)
}

/** Nothing where it is as it should be. */
function checkMode(name: string, path: string, wanted: number): Finding[] {
  const found: Stats = statSync(path)
  if ((found.mode & 0o077) === 0) return []
  const mode = (found.mode & 0o777).toString(8)
  const message = `"${path}" can be reached by other users: its mode is ${mode}, wanted ${wanted.toString(8)}`
  return [wrong(name, message, `chmod ${wanted.toString(8)} "${path}"`)]
}

async function checkSpace(dataDir: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(dataDir)
  const free = bavail * bsize
  const message = `${Math.round(free / 1024 / 1024)} MB are free for "${dataDir}"`
  if (free >= leastFree) return fine("disk space", message)
  const wanted = `wanted at least ${leastFree / 1024 / 1024} MB`
  return wrong("disk space", `${message}, ${wanted}`, "free some space, or move the data directory with --data-dir")
}

function checkKey({ dataDir, secretKey }: Config): Finding {
  const name = "secret key"
  if (hasPendingKey(dataDir)) {
    const message = "its replacement was cut short, or is under way"
    return wrong(name, message, 'start the host, or run "pagoda doctor --rotate-key" again: either settles it')
  }
  if (secretKey !== undefined) return fine(name, "it comes from PAGODA_SECRET_KEY")
  const file = secretKeyFile(dataDir)
  if (!existsSync(file)) return fine(name, `"${file}" is not there yet: the first start makes it`)
  const { length } = readFileSync(file, "utf8").trim()
  if (length >= shortestKey) return fine(name, `it is in "${file}"`)
  const message = `"${file}" has ${length} characters, wanted at least ${shortestKey}`
  return wrong(name, message, "restore it from a backup, or set PAGODA_SECRET_KEY")
}
