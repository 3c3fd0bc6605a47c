import type { HookDefinition, PluginDefinition } from "@pagoda/sdk"
import { overrideOperations } from "../core/overrides.ts"
import { isPluginId } from "./id.ts"
import type { LockedPlugin } from "./lockfile.ts"

const entityHooks = ["get_attrs", ...around("create"), ...around("update"), ...around("delete")]
const entryHooks = ["validate", ...entityHooks, ...around("restore")]
export const hookNames = [...entryHooks.map((name) => `entry.${name}`), ...entityHooks.map((name) => `entity.${name}`)]

/** Longer than this a caller does not wait; what takes longer is a job. */
const MAX_TIMEOUT_MS = 600_000

export function* hookProblems(hook: HookDefinition): Generator<string> {
  const { name, handler, entity, priority, durable, timeout_ms, on_error } = (hook ?? {}) as Partial<HookDefinition>
  const title = `its hook on "${name}"`
  if (!isEvent(name) && !hookNames.includes(name as string)) {
    yield `it has a hook on "${name}"; the hooks are ${hookNames.join(", ")}, and "<plugin>:<event>"`
  }
  if (typeof handler !== "function") yield `${title} has no handler`
  if (entity !== undefined && typeof entity !== "string") yield `${title} has an "entity" that is no name`
  if (priority !== undefined && !Number.isFinite(priority)) yield `${title} has a "priority" that is no number`
  if (timeout_ms !== undefined && !(Number.isInteger(timeout_ms) && timeout_ms >= 1 && timeout_ms <= MAX_TIMEOUT_MS)) {
    yield `${title} has "timeout_ms" ${timeout_ms}, wanted 1 to ${MAX_TIMEOUT_MS}`
  }
  if (durable !== undefined && typeof durable !== "boolean") yield `${title} has a "durable" that is no boolean`
  if (durable === true && !/\.after_/.test(String(name))) yield `${title} is durable, which only "after_*" can be`
  if (on_error !== undefined && on_error !== "skip" && on_error !== "reject") {
    yield `${title} has "on_error" "${on_error}", wanted "skip" or "reject"`
  }
  if (on_error === "reject" && !/\.(?:validate$|before_)/.test(String(name))) {
    yield `${title} has "on_error" "reject", which only "validate" and "before_*" can have`
  }
}

export function* overrideProblems(overrides: unknown): Generator<string> {
  if (typeof overrides !== "object" || overrides === null || Array.isArray(overrides)) {
    yield `its "overrides" are no object`
    return
  }
  for (const [operation, override] of Object.entries(overrides)) {
    if (!(overrideOperations as readonly string[]).includes(operation)) {
      yield `it overrides "${operation}"; the operations are ${overrideOperations.join(", ")}`
    }
    if (typeof override !== "function") yield `its override of "${operation}" is no function`
  }
}

/** Whoever sees what is written may read it: the operator has to grant that. */
export function* permissionProblems(
  { hooks = [], overrides = {}, migrations = [] }: PluginDefinition,
  locked: LockedPlugin,
) {
  const granted = new Set(locked.permissions)
  const wants: [title: string, permission: string][] = [
    ...hooks
      .filter(({ name }) => !isEvent(name))
      .map(({ name }): [string, string] => [
        `hook on "${name}"`,
        name.startsWith("entry.") ? "entries:read" : "entities:read",
      ]),
    ...Object.keys(overrides).map((operation): [string, string] => [`override of "${operation}"`, "entries:read"]),
    ...migrations.slice(0, 1).map(({ name }): [string, string] => [`migration "${name}"`, "db"]),
  ]
  for (const [title, permission] of wants) {
    if (granted.has(permission)) continue
    yield `its ${title} needs the permission "${permission}", which the lockfile does not grant; add it to "permissions" there`
  }
}

function isEvent(name: unknown): boolean {
  if (typeof name !== "string") return false
  const colon = name.indexOf(":")
  return colon > 0 && isPluginId(name.slice(0, colon)) && colon < name.length - 1
}

function around(write: string): string[] {
  return [`before_${write}`, `after_${write}`]
}
