import type { Database } from "../db/database.ts"
import type { Log } from "../log.ts"
import type { Hooks } from "./hooks.ts"

export type CoreContext = { readonly database: Database; readonly hooks: Hooks; readonly log: Log }
