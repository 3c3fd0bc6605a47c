import { Database as Client } from "bun:sqlite"
import { existsSync, rmSync, statSync } from "node:fs"
import { PagodaError } from "../../errors.ts"
import type { PluginContent } from "./plugin-database.ts"

const beside = ["-wal", "-shm"]

export function inspectFile(file: string): PluginContent | undefined {
  if (!existsSync(file)) return undefined
  return { where: file, bytes: sizeOf(file), sessions: 0, tables: countRows(file) }
}

function countRows(file: string): PluginContent["tables"] {
  let client: Client | undefined
  try {
    client = new Client(file, { readwrite: true })
    return countIn(client)
  } catch (cause) {
    // a damaged file can be deleted all the same
    if ((cause as Error).name !== "SQLiteError") throw cause
    return []
  } finally {
    client?.close()
  }
}

function countIn(client: Client): PluginContent["tables"] {
  client.run("PRAGMA busy_timeout=5000")
  const names = client
    .query<{ name: string }, []>(
      "select name from pragma_table_list where schema = 'main' and type in ('table', 'virtual') and name not like 'sqlite\\_%' escape '\\' and name <> '_migration' order by name",
    )
    .all()
  return names.map(({ name }) => {
    const counted = client.query<{ rows: number }, []>(`select count(*) as rows from "${name.replaceAll('"', '""')}"`)
    return { name, rows: counted.get()?.rows ?? 0 }
  })
}

/** The log first: one without its file would be read into the next file of that name. */
export function dropFile(file: string): boolean {
  if (!existsSync(file)) return false
  try {
    for (const part of [...beside.map((ending) => file + ending), file]) rmSync(part, { force: true })
  } catch (cause) {
    throw new PagodaError("CONFIG_INVALID", `Cannot delete "${file}": ${(cause as Error).message}`, { cause })
  }
  return true
}

function sizeOf(file: string): number {
  const parts = [file, ...beside.map((ending) => file + ending)]
  return parts.reduce((sum, part) => sum + (statSync(part, { throwIfNoEntry: false })?.size ?? 0), 0)
}
