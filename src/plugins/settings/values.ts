import type { Json } from "@pagoda/sdk"
import { Value } from "@sinclair/typebox/value"
import { toIssues } from "../../issues.ts"
import { copyPlain } from "../plain.ts"
import type { Cipher } from "./cipher.ts"
import type { Declared, Setting } from "./schema.ts"

/** A row of `plugin_setting`. */
export type StoredSetting = { readonly key: string; readonly value: Json | null; readonly encrypted: boolean }

/** What a plugin sees: defaults filled in. Frozen, so that it is the same for all who have it. */
export type Settings = Readonly<Record<string, unknown>>

/** What rows mean under what is declared. */
export type Reading = {
  readonly values: Settings
  /** Whether there is a value, of each secret one. */
  readonly secrets: ReadonlyMap<string, boolean>
  /** Keys whose rows this secret key cannot decrypt. */
  readonly unreadable: readonly string[]
  /** Keys whose stored values the plugin's schema does not take. */
  readonly unfit: readonly string[]
  /** Keys that have to be there and are not. */
  readonly missing: readonly string[]
  /** Secret by now, and stored when they were not. */
  readonly open: readonly string[]
}

export function readValues(id: string, declared: Declared, rows: readonly StoredSetting[], cipher: Cipher): Reading {
  const stored = new Map(rows.map((row) => [row.key, row]))
  const values: Record<string, unknown> = {}
  const secrets = new Map<string, boolean>()
  const unreadable: string[] = []
  const unfit: string[] = []
  const missing: string[] = []
  const open: string[] = []
  for (const [key, setting] of declared) {
    const row = stored.get(key)
    const plain = row && decode(id, row, cipher)
    const value = plain === undefined ? undefined : fill(setting, plain)
    const fits = value !== undefined && toIssues(setting.schema, value).length === 0
    const known = fits ? value : fill(setting, undefined)
    if (row && plain === undefined) unreadable.push(key)
    else if (row && !fits) unfit.push(key)
    if (row && setting.isSecret && !row.encrypted) open.push(key)
    if (known !== undefined) Object.defineProperty(values, key, { value: freeze(known), enumerable: true })
    else if (setting.isRequired) missing.push(key)
    // what was secret when it was stored stays so
    if (setting.isSecret || row?.encrypted) secrets.set(key, fits)
  }
  return { values: Object.freeze(values), secrets, unreadable, unfit, missing, open }
}

/** The value of a row; nothing where it cannot be decrypted. */
export function decode(id: string, { key, value, encrypted }: StoredSetting, cipher: Cipher): Json | undefined {
  return encrypted ? cipher.decrypt(id, key, value) : value
}

/** With the defaults of what it leaves out. */
export function fill({ schema }: Setting, value: unknown): unknown {
  return Value.Default(schema, copyPlain(value))
}

function freeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const inner of Object.values(value)) freeze(inner)
  }
  return value
}
