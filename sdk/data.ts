/**
 * The shapes that cross the border between Pagoda and a plugin. Every one is plain JSON: what the database row, the SDK
 * object and the HTTP body call by one name is one thing.
 *
 * Glossary
 * - **entity**: a schema that users define; **attribute**: one field of it; **entry**: one record of it.
 * - **user**, **group**, **role**: who acts; a role grants an access **level** on an entity, attribute or entry.
 * - **operation**: a kind of job, known by its number; **job**: one run of an operation.
 * - **plugin**: code that a lockfile names; **source**: where its bytes come from; **integrity**: the hash they must have.
 * - **permission**: what a plugin may do beyond answering requests, asked by its code and granted by the lockfile.
 *
 * @module
 */

/** Any value that survives `JSON.stringify` and back. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json }

/** A point in time: ISO 8601 in UTC, such as `2026-01-31T12:00:00.000Z`. */
export type Time = string

/** Somebody who may log in. A password is taken, never given. */
export type User = {
  id: string
  username: string
  email: string | null
  /** May do everything. */
  is_admin: boolean
  /** Reads what the access rules allow and never writes. */
  is_readonly: boolean
  /** `false`: cannot log in, and tokens of this user are refused. */
  is_active: boolean
}

/** What a job is about. Two jobs of one non-parallelizable operation on one target never run at once. */
export type JobTarget = { type: string; id: number | string; name: string }

/** Where a job is in its life. The last five are final. */
export type JobStatus = "preparing" | "processing" | "done" | "warning" | "error" | "timeout" | "canceled"

/** One run of an operation, as `GET /api/v2/jobs/:id` gives it. */
export type Job = {
  id: number
  /** The operation's number: below 200 the core's own, 200–9999 the plugins'. */
  operation: number
  operation_name: string
  /** The id of the plugin that owns the operation; `null` for the core's own. */
  plugin: string | null
  user: { id: string; username: string }
  target: JobTarget | null
  status: JobStatus
  /** 0–100; `done` has 100. */
  progress: number
  /** What the last progress report said. */
  message: string
  params: Json
  /** What `run` returned: a string as it is, anything else as JSON. `null` where it is larger than 1 MiB, in lists 64 KiB. */
  text: string | null
  /** Why it ended as `error` or `timeout`. */
  error: string | null
  /** How many times `run` was started. */
  attempts: number
  cancelable: boolean
  downloadable: boolean
  created_at: Time
  started_at: Time | null
  finished_at: Time | null
}

/** A page of a list. `next` and `previous` are paths with a query, or `null` at the ends. */
export type Page<T> = { count: number; next: string | null; previous: string | null; results: T[] }

/** How much one may do with an entity, attribute or entry; each grants those before it. */
export type Level = "nothing" | "readable" | "writable" | "full"

/** What kind of value an attribute holds. */
export type AttributeType =
  | "string"
  | "text"
  | "boolean"
  | "number"
  | "date"
  | "datetime"
  | "select"
  | "multi_select"
  | "object"
  | "named_object"
  | "group"
  | "role"
  | "array_string"
  | "array_number"
  | "array_object"
  | "array_named_object"
  | "array_group"
  | "array_role"

/** One field of an entity. */
export type Attribute = {
  id: number
  name: string
  type: AttributeType
  is_mandatory: boolean
  /** The entities whose entries an `object` or `named_object` may refer to; empty: any. */
  referral: number[]
  /** What a `select` or `multi_select` may be. */
  choices: string[]
  default_value: Json
  /** Its place among the others; lower comes first. */
  index: number
}

/** A schema that users define. */
export type Entity = {
  id: number
  name: string
  note: string
  /** A regular expression that names of its entries match; empty: any name. */
  item_name_pattern: string
  attrs: Attribute[]
  is_public: boolean
  default_permission: Level
  is_active: boolean
  version: number
  /** User ids. */
  created_by: string
  created_at: Time
  updated_by: string
  updated_at: Time
}

/** A record of an entity. An attribute that the caller may not read is absent from `attrs`. */
export type Entry = {
  id: number
  entity: { id: number; name: string }
  name: string
  /** Attribute name → value. */
  attrs: Record<string, Json>
  is_public: boolean
  default_permission: Level
  is_active: boolean
  version: number
  created_by: string
  created_at: Time
  updated_by: string
  updated_at: Time
}

/** One thing that a version of an entry changed: the entry's `name`, or an attribute by its id and its name then. */
export type EntryChange = { attribute_id: number | null; name: string; old: Json; new: Json }
