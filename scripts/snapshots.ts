import { existsSync } from "node:fs"
import { join } from "node:path"
import {
  type DrizzleSnapshotJSON,
  type DrizzleSQLiteSnapshotJSON,
  generateDrizzleJson,
  generateSQLiteDrizzleJson,
} from "drizzle-kit/api"
import { postgresKit } from "../src/db/kit.ts"
import { defineTables } from "../src/db/schema.ts"
import { sqliteKit } from "../src/db/sqlite-kit.ts"

/** The schema as the last migration left it, and as the code has it now. */
export async function readSnapshots(folder: string) {
  return {
    sqlite: {
      before: await readSnapshot<DrizzleSQLiteSnapshotJSON>(folder, "sqlite", () => generateSQLiteDrizzleJson({})),
      now: await generateSQLiteDrizzleJson(defineTables(sqliteKit)),
    },
    postgres: {
      before: await readSnapshot<DrizzleSnapshotJSON>(folder, "postgres", () => generateDrizzleJson({})),
      now: generateDrizzleJson(defineTables(postgresKit)),
    },
  }
}

async function readSnapshot<T>(folder: string, dialect: string, empty: () => T | Promise<T>): Promise<T> {
  const file = join(folder, dialect, "snapshot.json")
  return existsSync(file) ? Bun.file(file).json() : empty()
}
