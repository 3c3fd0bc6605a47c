// bun scripts/migrations.ts <name>: writes what the schema has and the migrations have not, for both dialects. Then `bun run fix`.
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { generateMigration, generateSQLiteMigration } from "drizzle-kit/api"
import { readSnapshots } from "./snapshots.ts"

const folder = join(import.meta.dir, "../src/db/migrations")
const name = process.argv[2]
if (!name || !/^[a-z0-9_]+$/.test(name)) {
  console.error('Usage: bun scripts/migrations.ts <name>, such as "groups"')
  process.exit(1)
}

const { sqlite, postgres } = await readSnapshots(folder)
await write("sqlite", sqlite.now, await generateSQLiteMigration(sqlite.before, sqlite.now))
await write("postgres", postgres.now, await generateMigration(postgres.before, postgres.now))

async function write(dialect: string, snapshot: object, statements: string[]): Promise<void> {
  if (statements.length === 0) return console.log(`${dialect}: nothing to do`)
  const number = readdirSync(join(folder, dialect)).filter((file) => file.endsWith(".sql")).length + 1
  const file = join(folder, dialect, `${String(number).padStart(4, "0")}_${name}.sql`)
  await Bun.write(file, `${statements.join("\n")}\n`)
  await Bun.write(join(folder, dialect, "snapshot.json"), `${JSON.stringify(snapshot, null, 2)}\n`)
  console.log(`${dialect}: ${file}`)
}
