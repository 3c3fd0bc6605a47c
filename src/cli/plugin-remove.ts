import { existsSync } from "node:fs"
import { basename } from "node:path"
import type { Config } from "../config.ts"
import { toDatabaseFile, toSchemaName } from "../plugins/database/names.ts"
import { isPluginId } from "../plugins/id.ts"
import { type LockedPlugin, readLockfile } from "../plugins/lockfile.ts"
import { mustAgree } from "./ask.ts"
import { editAudited } from "./audited.ts"
import type { Call } from "./command.ts"
import { getLocked } from "./edit.ts"
import { type Journal, withJournal } from "./journal.ts"
import { sqliteFile } from "./open.ts"
import { print } from "./output.ts"
import { tellChange } from "./running-host.ts"

/** `--purge` also works on what an earlier `remove` left behind. */
export async function removePlugin(call: Call): Promise<undefined> {
  const { args, flags, config } = call
  const [id = ""] = args
  const lockfile = await readLockfile(config.lockfile)
  const locked = lockfile.plugins[id]
  if (!locked && !(flags.purge && isPluginId(id) && hasDatabase(config))) getLocked(lockfile, id)
  if (flags.purge) return purge(id, locked, call)
  await withJournal(call, async (journal) => {
    await takeOut(id, config, journal)
    const where = [...whereItsDataIs(id, locked, config)].join(" and ")
    await print(`Its data stays in ${where}; "pagoda plugin remove ${id} --purge" deletes it.`)
  })
}

async function purge(id: string, locked: LockedPlugin | undefined, call: Call): Promise<undefined> {
  const { config, flags } = call
  const { withPurge } = await import("./purge.ts")
  await withPurge(id, call, async (found) => {
    const grants = locked?.permissions?.length ? [`  what it was granted: ${locked.permissions.join(", ")}`] : []
    const goes = [...found.lines, ...grants]
    if (!locked && found.isEmpty) return print(`There was no data of ${id}.`)
    if (goes.length > 0) await print([`This of "${id}" goes for good:`, ...goes].join("\n"))
    await mustAgree(`Delete all data of "${id}"? It cannot be brought back.`, flags.yes === true)
    const after = `its data may still be there: run "pagoda plugin remove ${id} --purge" again`
    await withJournal(
      call,
      async (journal) => {
        if (locked) await takeOut(id, config, journal)
        journal.step("purge", id)
        if (!found.isEmpty) await found.run()
      },
      { after },
    )
    await print(found.isEmpty ? `There was no data of ${id}.` : `Deleted the data of ${id}.`)
  })
}

async function takeOut(id: string, config: Config, journal: Journal): Promise<void> {
  journal.step("write", id)
  await editAudited(config, (plugins) => {
    delete plugins[id]
  })
  journal.step("written", id)
  await print(`Removed ${id} from ${basename(config.lockfile)}.`)
  await tellChange(config, [id])
}

/** Nothing is opened to tell. */
function* whereItsDataIs(id: string, locked: LockedPlugin | undefined, config: Config): Generator<string> {
  if (config.databaseUrl === undefined) {
    yield sqliteFile(config)
    const file = toDatabaseFile(config.dataDir, id)
    if (existsSync(file)) yield file
  } else {
    yield "the database"
    if (locked?.permissions?.includes("db")) yield `its schema "${toSchemaName(id)}"`
  }
}

function hasDatabase(config: Config): boolean {
  return config.databaseUrl !== undefined || existsSync(sqliteFile(config))
}
