import type { Migration } from "./migrate.ts"
import { readMigrations } from "./migrations.macro.ts" with { type: "macro" }

export const sqliteMigrations: Migration[] = readMigrations("sqlite")
export const postgresMigrations: Migration[] = readMigrations("postgres")
