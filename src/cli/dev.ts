import { mkdtempSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, relative, resolve } from "node:path"
import type { Config } from "../config.ts"
import { PagodaError } from "../errors.ts"
import { startHost } from "../host.ts"
import type { Log } from "../log.ts"
import type { Call } from "./command.ts"
import { withAccounts } from "./open.ts"
import { say } from "./output.ts"
import { runHost } from "./run-host.ts"
import { watchFolder } from "./watch-folder.ts"

export async function dev({ args: [dir = "."], flags, config: given, log }: Call): Promise<number> {
  const project = resolve(dir)
  if (!statSync(project, { throwIfNoEntry: false })?.isDirectory()) {
    throw new PagodaError("USAGE", `Cannot run the project "${project}": it is no folder; "pagoda create" makes one`)
  }
  const isKept = flags["data-dir"] !== undefined || Boolean(given.env.PAGODA_DATA_DIR)
  if (isKept) refuseInside(given.dataDir, project)
  const dataDir = isKept ? given.dataDir : mkdtempSync(join(tmpdir(), "pagoda-dev-"))
  // an .npmrc counts that is where the lockfile is
  const lockfile = join(project, "plugins.lock.json")
  const config: Config = { ...given, project, dataDir, lockfile, databaseUrl: undefined, samples: undefined }
  try {
    await welcome(config, log)
    log.warn("The plugin is loaded UNVERIFIED: this is for development only", { from: project })
    return await runHost(
      () => startHost(config, log),
      (host) => `pagoda ready ${host.url}`,
      log,
      (onChange) => watchFolder(project, onChange),
      "project",
    )
  } finally {
    if (!isKept) rmSync(dataDir, { recursive: true, force: true })
  }
}

/** The data would change the project that it is the data of. */
function refuseInside(dataDir: string, project: string): void {
  if (relative(project, dataDir).startsWith("..")) return
  const problem = `the data directory "${dataDir}" is inside of the project, wanted one that is elsewhere`
  throw new PagodaError("CONFIG_INVALID", `Cannot run the project "${project}": ${problem}, or no --data-dir`)
}

/** Who may ask the host, once for each data directory. */
async function welcome(config: Config, log: Log): Promise<void> {
  const { adminUsername: username, adminPassword } = config
  const made = await withAccounts(config, log, async (accounts) => {
    const admin = await accounts.ensureAdmin({ username, password: adminPassword })
    const user = admin && (await accounts.findUser(admin.username))
    if (!user) return undefined
    const { token } = await accounts.tokens.create(user, { name: "pagoda dev" })
    return { password: admin.password, token }
  })
  if (!made) return
  const password = made.password === undefined ? "" : ` with the password ${made.password}`
  await say(`Log in as "${username}"${password}, or send "Authorization: Bearer ${made.token}"`)
}
