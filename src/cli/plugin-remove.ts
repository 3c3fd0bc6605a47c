import { existsSync } from "node:fs"
import { basename } from "node:path"
import type { Config } from "../config.ts"
import { openInstalled } from "../plugins/installed.ts"
import { readLockfile } from "../plugins/lockfile.ts"
import { mustAgree } from "./ask.ts"
import type { Call } from "./command.ts"
import { editLockfile, getLocked } from "./edit.ts"
import { sqliteFile, withDatabase } from "./open.ts"
import { print } from "./output.ts"

/** `--purge` also works on what an earlier `remove` left behind. */
export async function removePlugin({ args: [id = ""], flags, config }: Call): Promise<undefined> {
  const lockfile = await readLockfile(config.lockfile)
  const isLocked = Object.hasOwn(lockfile.plugins, id)
  if (!isLocked && !(flags.purge && hasDatabase(config))) getLocked(lockfile, id)
  if (flags.purge) {
    const question = `Delete all data of "${id}" (its settings and its record)? It cannot be brought back.`
    await mustAgree(question, flags.yes === true)
  }
  if (isLocked) {
    await editLockfile(config.lockfile, (plugins) => {
      delete plugins[id]
    })
    const when = "a host that runs lets go of it at its next start, or on SIGHUP"
    await print(`Removed ${id} from ${basename(config.lockfile)}; ${when}.`)
  }
  if (flags.purge) {
    const forgotten = await withDatabase(config, (database) => openInstalled(database).forget(id))
    await print(forgotten ? `Deleted the data of ${id}.` : `There was no data of ${id}.`)
  } else {
    const where = config.databaseUrl === undefined ? sqliteFile(config) : "the database"
    await print(`Its data stays in ${where}; "pagoda plugin remove ${id} --purge" deletes it.`)
  }
}

function hasDatabase(config: Config): boolean {
  return config.databaseUrl !== undefined || existsSync(sqliteFile(config))
}
