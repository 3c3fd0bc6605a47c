import type { Random } from "./random.ts"

export type KnownAttribute = { id: number; name: string; type: string; choices: string[]; referral: number[] }
export type KnownEntity = { id: number; name: string; attrs: KnownAttribute[] }

/** What answers told, so that later requests reach what earlier ones made. */
export type Memory = {
  ids(kind: Kind): readonly (string | number)[]
  /** By the name of a field of a body or a query. */
  byField(field: string): readonly unknown[] | undefined
  entity(id: unknown): KnownEntity | undefined
  entityOfEntry(id: unknown): KnownEntity | undefined
  remember(body: unknown): void
  forget(kind: Kind, id: string): void
}

export type Kind =
  | "attributes"
  | "entities"
  | "entries"
  | "groups"
  | "jobs"
  | "plugins"
  | "roles"
  | "tokens"
  | "users"
  | "repairs"

const mostIds = 40

/** The kind of a thing by the members that only this kind has. */
const marks: readonly [Kind, string[]][] = [
  ["users", ["username", "is_readonly"]],
  ["entities", ["item_name_pattern", "attrs"]],
  ["attributes", ["is_mandatory", "choices"]],
  ["entries", ["entity", "attrs"]],
  ["groups", ["parent_group_id"]],
  ["roles", ["admin_users"]],
  ["jobs", ["operation_name"]],
  ["tokens", ["expires_at", "created_at"]],
  ["plugins", ["isolation", "load_ms"]],
  ["repairs", ["severity", "cause"]],
]

const fields: Record<string, Kind> = {
  admin_groups: "groups",
  admin_users: "users",
  entity: "entities",
  entity_id: "entities",
  groups: "groups",
  members: "users",
  parent_group_id: "groups",
  plugin: "plugins",
  referral: "entities",
  role_id: "roles",
  users: "users",
}

export function createMemory(random: Random): Memory {
  const known = new Map<Kind, Set<string | number>>()
  const entities = new Map<number, KnownEntity>()
  const entries = new Map<number, number>()

  function remember(value: unknown): void {
    if (Array.isArray(value)) value.forEach(remember)
    else if (typeof value === "object" && value !== null) rememberOne(value as Record<string, unknown>)
  }

  function rememberOne(found: Record<string, unknown>): void {
    const kind = marks.find(([, members]) => "id" in found && members.every((name) => name in found))?.[0]
    if (kind) note(kind, found)
    for (const name of ["results", "user", "attrs", "target"]) remember(found[name])
  }

  function note(kind: Kind, found: Record<string, any>): void {
    const ids = known.get(kind) ?? new Set()
    known.set(kind, ids)
    ids.delete(found.id)
    ids.add(found.id)
    if (ids.size > mostIds) ids.delete([...ids][random.between(0, mostIds - 1)]!)
    if (kind === "entities") entities.set(found.id, found as KnownEntity)
    if (kind === "entries") entries.set(found.id, found.entity.id)
  }

  const ids = (kind: Kind) => [...(known.get(kind) ?? [])]
  return {
    ids,
    byField: (field) => fields[field] && ids(fields[field]),
    entity: (id) => entities.get(Number(id)),
    entityOfEntry: (id) => entities.get(entries.get(Number(id)) ?? 0),
    remember,
    forget(kind, id) {
      for (const one of [id, Number(id)]) known.get(kind)?.delete(one)
    },
  }
}
