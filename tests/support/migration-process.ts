// A process that migrates a plugin's database, and is killed in the middle of it: bun migration-process.ts <place> <data dir> <migrations done>
import { writeSync } from "node:fs"
import { openDatabase } from "../../src/db/database.ts"
import { createPluginDatabases } from "../../src/plugins/database/databases.ts"
import { toMigration } from "./plugin-database.ts"

const [place = "{}", dataDir = "", done = "0"] = process.argv.slice(2)
const options = JSON.parse(place)
const database = await openDatabase(options)
const databases = createPluginDatabases({
  config: { databaseUrl: options.url, dataDir },
  database,
  secretKey: "a key that replicas share",
  repairs: { report: () => {}, resolve: () => {} },
})
const db = databases.open("p")
const numbers = "with recursive n (i) as (select 1 union all select i + 1 from n where i < 2000) select i from n"
for (let at = Number(done) + 1; ; at++) {
  const steps = Array.from({ length: at }, (_, index) =>
    toMigration(`${1000 + index}`, `create table t${index} (i bigint); insert into t${index} ${numbers}`),
  )
  const [name] = await db.migrate(steps)
  writeSync(1, `${name}\n`)
}
