import { readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { LockedPlugin } from "./lockfile.ts"

/**
 * Remembers in the data directory which plugins are being loaded, so that the next start knows which ones may have ended
 * the process. They are told by the integrity of their code: another version begins anew.
 */
export type LoadingMarks = {
  /** How many times in a row the process ended while this was loaded. Above zero it is a suspect: load it alone. */
  crashes(id: string, locked: LockedPlugin): number
  /** From here on these may end the process, and no others. */
  begin(plugins: Iterable<readonly [id: string, locked: LockedPlugin]>): void
  /** All that was begun is over; these did not end the process, and are no suspects any more. */
  end(ids: Iterable<string>): void
}

type Suspect = { code: string; crashes: number }
type Marks = { loading: Record<string, string>; suspects: Record<string, Suspect> }

export function openLoadingMarks(dataDir: string): LoadingMarks {
  const file = join(dataDir, "loading.json")
  const before = read(file)
  const suspects = new Map<string, Suspect>(Object.entries(before?.suspects ?? {}))
  for (const [id, code] of Object.entries(before?.loading ?? {})) {
    const known = suspects.get(id)
    suspects.set(id, { code, crashes: (known?.code === code ? known.crashes : 0) + 1 })
  }
  let loading = new Map<string, string>()
  let isThere = before !== undefined

  const write = () => {
    if (loading.size + suspects.size > 0) {
      const marks: Marks = { loading: Object.fromEntries(loading), suspects: Object.fromEntries(suspects) }
      writeFileSync(file, JSON.stringify(marks), { mode: 0o600 })
      isThere = true
    } else if (isThere) {
      rmSync(file, { force: true })
      isThere = false
    }
  }

  return {
    crashes(id, locked) {
      const suspect = suspects.get(id)
      return suspect?.code === toCode(locked) ? suspect.crashes : 0
    },
    begin(plugins) {
      loading = new Map([...plugins].map(([id, locked]) => [id, toCode(locked)]))
      write()
    },
    end(ids) {
      loading = new Map()
      for (const id of ids) suspects.delete(id)
      write()
    },
  }
}

function toCode({ integrity, version, source }: LockedPlugin): string {
  return integrity ?? `${source} ${version ?? ""}`
}

/** A file that the end of a process left half written says nothing about anyone. */
function read(file: string): Marks | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8"))
  } catch (error) {
    if ((error as { code?: unknown }).code === "ENOENT") return undefined
    return { loading: {}, suspects: {} }
  }
}
