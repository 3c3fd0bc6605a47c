import type { Call } from "./command.ts"
import { openMigrated } from "./open.ts"
import { print, printJson } from "./output.ts"

export async function migrate({ flags, config }: Call): Promise<undefined> {
  const { database, applied } = await openMigrated(config)
  await database.close()
  if (flags.json) return void (await printJson({ dialect: database.dialect, applied }))
  const where = `the ${database.dialect === "sqlite" ? "SQLite" : "Postgres"} database`
  await print(
    applied.length === 0
      ? `There is nothing to do: ${where} is up to date.`
      : `Applied to ${where}: ${applied.join(", ")}`,
  )
}
