import type { Json, User } from "@pagoda/sdk"
import type { TObject } from "@sinclair/typebox"
import { requireAdmin, requireAdminWriter } from "../core/access/require-admin.ts"
import { systemUser } from "../core/access.ts"
import type { Database } from "../db/database.ts"
import { PagodaError, toMessage } from "../errors.ts"
import type { Log } from "../log.ts"
import type { Undo } from "../undo.ts"
import type { ReportRepair } from "./database/repair.ts"
import { parseChanges } from "./settings/changes.ts"
import { createCipher } from "./settings/cipher.ts"
import { type FollowedSettings, followSettings, type OpenSettings } from "./settings/follow.ts"
import { reportReading } from "./settings/repairs.ts"
import { encryptRows, readRows, settingsChannel, writeRows } from "./settings/rows.ts"
import { type Declared, toDeclared } from "./settings/schema.ts"
import { type Reading, readValues } from "./settings/values.ts"

export type { OpenSettings } from "./settings/follow.ts"
export type { Settings } from "./settings/values.ts"

/** What an administrator sees: of a secret one only whether it is set. `null`: it has neither a value nor a default. */
export type VisibleSettings = Record<string, Json>

/** The settings of plugins, the same in every process that has this database. */
export type PluginSettings = {
  /** Those of one version of a plugin, kept up to date until closed. */
  open(id: string, schema: TObject | undefined): Promise<OpenSettings>
  /** Admins only. @throws CONFLICT where the plugin was not loaded */
  read(user: User, id: string): Promise<VisibleSettings>
  /** Merges; `null` is the default again. Admins only. @throws VALIDATION_FAILED, CONFLICT where it was not loaded */
  change(user: User, id: string, changes: unknown): Promise<VisibleSettings>
  close(): void
}

export type PluginSettingsContext = {
  readonly database: Database
  /** Derived from the secret key for this purpose alone. */
  readonly key: Uint8Array
  readonly repairs: ReportRepair
  readonly log: Log
}

export function createPluginSettings({ database, key, repairs, log }: PluginSettingsContext): PluginSettings {
  const cipher = createCipher(key)
  /** Of one plugin there are two while a new version takes over. */
  const open = new Map<string, Set<FollowedSettings>>()
  /** As it was last loaded: settings can be what keeps it from running. */
  const declarations = new Map<string, Declared>()
  let unsubscribe: Undo | undefined

  const read = async (id: string, declared: Declared) => {
    return readValues(id, declared, await readRows(database, id), cipher)
  }

  const reload = async (id: string) => {
    for (const settings of open.get(id) ?? []) await settings.reload()
  }

  const subscribe = () => {
    unsubscribe ??= database.signals.subscribe(settingsChannel, (told) => {
      for (const id of told === null ? [...open.keys()] : [told]) {
        reload(id).catch((error) =>
          log.error(`Cannot read the settings of plugin "${id}": ${toMessage(error)}`, { plugin: id }),
        )
      }
    })
  }

  const declaredOf = (id: string): Declared => {
    const declared = [...(open.get(id) ?? [])].at(-1)?.declared ?? declarations.get(id)
    if (declared) return declared
    throw new PagodaError(
      "CONFLICT",
      `Cannot tell the settings of plugin "${id}": it was not loaded since the host started, so they are not known; enable it first`,
    )
  }

  const write = async (user: User, id: string, declared: Declared, given: unknown) => {
    await writeRows(database, cipher, { id, declared, changes: parseChanges(id, declared, given), user })
    await reload(id)
  }

  return {
    async open(id, schema) {
      const declared = toDeclared(schema)
      declarations.set(id, declared)
      if (declared.size === 0) {
        // what was wrong with those of an older version is over
        await reportReading(id, readValues(id, declared, [], cipher), repairs)
        return withoutSettings(id, declared)
      }
      const all = open.get(id) ?? new Set()
      const settings = followSettings({
        declared,
        read: () => read(id, declared),
        write: (changes) => write(toActor(id), id, declared, changes),
        report: (reading) => reportReading(id, reading, repairs),
        onClose(closed) {
          all.delete(closed)
          if (all.size === 0) open.delete(id)
        },
      })
      open.set(id, all.add(settings))
      // before the first look, so that no change is missed
      subscribe()
      try {
        const { open: unprotected } = await settings.reload()
        if (unprotected.length > 0) await encryptRows(database, cipher, id, unprotected)
      } catch (error) {
        settings.close()
        throw error
      }
      return settings
    },
    async read(user, id) {
      requireAdmin(user, `see the settings of plugin "${id}"`)
      const declared = declaredOf(id)
      return toVisible(declared, await read(id, declared))
    },
    async change(user, id, changes) {
      const what = `change the settings of plugin "${id}"`
      requireAdminWriter(user, what)
      const declared = declaredOf(id)
      await write(user, id, declared, changes)
      return toVisible(declared, await read(id, declared))
    },
    close() {
      unsubscribe?.()
      unsubscribe = undefined
    },
  }
}

/** Nothing is read and nothing followed where a plugin declares none. */
function withoutSettings(id: string, declared: Declared): OpenSettings {
  return {
    current: Object.freeze({}),
    async set(changes) {
      parseChanges(id, declared, changes)
    },
    follow: () => () => {},
    close() {},
  }
}

function toVisible(declared: Declared, { values, secrets }: Reading): VisibleSettings {
  const visible = [...declared.keys()].map((key): [string, Json] => {
    const isSet = secrets.get(key)
    return [key, isSet === undefined ? ((values[key] as Json | undefined) ?? null) : { is_set: isSet }]
  })
  return Object.fromEntries(visible)
}

/** Who the audit says it was, where a plugin changes its own settings. */
function toActor(id: string): User {
  return { ...systemUser, id: `plugin:${id}`, username: `plugin:${id}` }
}
