import type { Attribute, Entity, Entry, Json, Level, Time, User } from "./data.ts"

/** What a list finds: how many in all, and those of this page. */
export type List<T> = { count: number; results: T[] }

/** Which page: `limit` is 30 when left out, 1–1000; `offset` is how many to skip. */
export type PageOptions = { limit?: number; offset?: number }

/** Only one that is at this version is written; else `PluginError` with code `VERSION_STALE`. */
export type WriteOptions = { version?: number }

/** What a new attribute needs; the rest has defaults. */
export type NewAttribute = Pick<Attribute, "name" | "type"> & Partial<Omit<Attribute, "id">>

/** What a new entity needs; the rest has defaults. */
export type NewEntity = Pick<Entity, "name"> &
  Partial<Pick<Entity, "note" | "item_name_pattern" | "is_public" | "default_permission">> & { attrs?: NewAttribute[] }

/** What may be changed. In `attrs` one with an `id` changes, one without is added, `{ id, is_deleted: true }` removes. */
export type EntityChanges = Partial<Pick<Entity, "name" | "note" | "item_name_pattern">> & {
  attrs?: ((Partial<Attribute> & { id: number; is_deleted?: boolean }) | NewAttribute)[]
}

/** Which entities: a part of the name in any letter case; active ones unless `is_active` says otherwise. */
export type EntityFilter = PageOptions & { search?: string; is_active?: boolean | "all" }

/** Schemas, as the user who caused the call may see and change them. */
export type EntitiesApi = {
  /**
   * One entity by its id or its name; needs the permission `entities:read`.
   *
   * @example const server = await api.entities.get("Server")
   * @throws `PluginError` with code `NOT_FOUND`, also for one that the user may not read
   */
  get(idOrName: number | string): Promise<Entity>
  /** By name; needs the permission `entities:read`. */
  list(filter?: EntityFilter): Promise<List<Entity>>
  /**
   * Needs the permission `entities:write`.
   *
   * @example await api.entities.create({ name: "Server", attrs: [{ name: "cpu", type: "number" }] })
   * @throws `PluginValidationError` with all that does not fit in its message; `PluginError` with code `NAME_TAKEN`
   */
  create(entity: NewEntity): Promise<Entity>
  /** Needs the permission `entities:write`. @throws as `create`, and `PluginSecurityError` where the user may not */
  update(id: number, changes: EntityChanges, options?: WriteOptions): Promise<Entity>
  /** Needs the permission `entities:write`. @throws `PluginError` with code `CONFLICT` where it has live entries */
  delete(id: number): Promise<void>
}

/** Operators of a filter on one attribute; all of them hold. */
export type FilterOperators = {
  eq?: Json
  ne?: Json
  gt?: Json
  gte?: Json
  lt?: Json
  lte?: Json
  in?: Json[]
  contains?: string
  isnull?: boolean
}

/** Which entries: active ones unless `is_active` says otherwise, and only those that the user may read. */
export type EntryFilter = {
  /** By id or by name; `filter` and ordering by an attribute need it. */
  entity?: number | string
  /** A part of the name or of a value, in any letter case. */
  search?: string
  /** Attribute name → the value it has, or operators: `{ cpu: { gte: 4 }, os: "linux" }`. */
  filter?: Record<string, Json | FilterOperators>
  is_active?: boolean | "all"
  /** ISO 8601; both ends are included. */
  created_from?: Time
  created_to?: Time
}

/** `ordering`: `name`, `id`, `created_at`, `updated_at` or an attribute; `-name` from the greatest down. */
export type EntryQuery = EntryFilter & PageOptions & { ordering?: string }

/** How many entries an entity has, and how many of them are active. */
export type EntityCount = { entity: Pick<Entity, "id" | "name">; count: number; active: number }

/** Records, as the user who caused the call may see and change them. */
export type EntriesApi = {
  /**
   * One entry, a deleted one too; needs the permission `entries:read`.
   *
   * @throws `PluginError` with code `NOT_FOUND`, also for one that the user may not read
   */
  get(id: number): Promise<Entry>
  /**
   * Needs the permission `entries:read`.
   *
   * @example const { results } = await api.entries.list({ entity: "Server", filter: { cpu: { gte: 4 } }, ordering: "-cpu" })
   * @throws `PluginValidationError` for an attribute that is not there, or a value that does not fit it
   */
  list(query?: EntryQuery): Promise<List<Entry>>
  /** How many there are; needs the permission `entries:read`. */
  count(filter?: EntryFilter): Promise<number>
  /**
   * How many there are by entity, in both states unless `is_active` picks one; needs the permission `entries:read`.
   *
   * @example const counts = await api.entries.aggregate({ group_by: "entity" })
   */
  aggregate(query: EntryFilter & { group_by: "entity" }): Promise<EntityCount[]>
  /**
   * Needs the permission `entries:write`. Hooks run as for any other write.
   *
   * @example await api.entries.create({ entity: "Server", name: "web01", attrs: { cpu: 4 } })
   * @throws `PluginValidationError` with all that does not fit in its message; `PluginError` with code `NAME_TAKEN`;
   *   `PluginSecurityError` where the user may not
   */
  create(entry: { entity: number | string; name: string; attrs?: Record<string, Json> }): Promise<Entry>
  /** Merges the attributes that it names; needs the permission `entries:write`. @throws as `create` */
  update(id: number, changes: { name?: string; attrs?: Record<string, Json> }, options?: WriteOptions): Promise<Entry>
  /** Softly: it can be restored, and its name is free. Needs the permission `entries:write`. */
  delete(id: number): Promise<void>
  /** Needs the permission `entries:write`. @throws `PluginError` with code `NAME_TAKEN` */
  restore(id: number): Promise<Entry>
}

/** What an access level is asked for. */
export type PermissionTarget = { type: "entity" | "attribute" | "entry"; id: number }

/** What the user who caused the call may do. */
export type PermissionsApi = {
  /** `false` also for what is not there. @example if (await api.permissions.can("writable", { type: "entry", id })) … */
  can(level: Level, target: PermissionTarget): Promise<boolean>
  /** @throws `PluginError` with code `NOT_FOUND` for what he may not read, else `PluginSecurityError` with `FORBIDDEN` */
  require(level: Level, target: PermissionTarget): Promise<void>
}

/** What an administrator is told. */
export type Notice = { severity: "info" | "warning" | "error"; message: string }

export type ServicesApi = {
  /** Active entries with `q` in their name or in a value, in any letter case, name hits first; needs `entries:read`. */
  search(q: string, page?: PageOptions): Promise<List<Entry>>
  /** Tells the administrators: a line in the host's log. */
  notify(notice: Notice): Promise<void>
  readonly users: {
    /** By id; needs the permission `users:read`. @throws `PluginError` with code `NOT_FOUND` */
    get(id: string): Promise<User>
  }
}

export type HooksApi = {
  /**
   * Tells those who subscribed with `on`; resolves when their handlers have ended, and throws nothing of theirs.
   *
   * @param name `<plugin id>:<event>`, the id being the plugin's own
   * @example await api.hooks.emit("hello-world-plugin:greeted", { name: "Ada" })
   * @throws `PluginValidationError` when the event is not the plugin's own
   */
  emit(name: string, data?: Json): Promise<void>
}
