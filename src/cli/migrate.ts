import type { Call } from "./command.ts"
import { withJournal } from "./journal.ts"
import { openMigrated } from "./open.ts"
import { print, printJson } from "./output.ts"

export async function migrate(call: Call): Promise<undefined> {
  const { flags, config } = call
  const open = () => openMigrated(config)
  // a machine with Postgres may have no folder to write to
  const { database, applied } = await (config.databaseUrl === undefined
    ? withJournal(call, open, { changes: "data" })
    : open())
  await database.close()
  if (flags.json) return void (await printJson({ dialect: database.dialect, applied }))
  const where = `the ${database.dialect === "sqlite" ? "SQLite" : "Postgres"} database`
  await print(
    applied.length === 0
      ? `There is nothing to do: ${where} is up to date.`
      : `Applied to ${where}: ${applied.join(", ")}`,
  )
}
