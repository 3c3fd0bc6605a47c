export type { Api, JobFilter, JobRequest, JobsApi, LogApi, SettingsApi, SettingsChanges } from "./api.ts"
export type {
  EntitiesApi,
  EntityChanges,
  EntityCount,
  EntityFilter,
  EntriesApi,
  EntryFilter,
  EntryQuery,
  FilterOperators,
  HooksApi,
  List,
  NewAttribute,
  NewEntity,
  Notice,
  PageOptions,
  PermissionsApi,
  PermissionTarget,
  ServicesApi,
  WriteOptions,
} from "./api-data.ts"
export type {
  Attribute,
  AttributeType,
  Entity,
  Entry,
  EntryChange,
  Job,
  JobStatus,
  JobTarget,
  Json,
  Level,
  Page,
  Time,
  User,
} from "./data.ts"
export type {
  DatabaseApi,
  Migration,
  PluginDrizzle,
  QueryOptions,
  RunResult,
  SqlRow,
  SqlStatement,
  SqlValue,
  StatementResult,
} from "./database.ts"
export {
  PluginDependencyError,
  PluginError,
  type PluginErrorOptions,
  PluginLoadError,
  PluginSecurityError,
  PluginValidationError,
  reject,
} from "./errors.ts"
export {
  type EntityInput,
  type EntryInput,
  type EventContext,
  type HookContext,
  type HookContextOf,
  type HookDefinition,
  type HookFields,
  type HookName,
  type HookOptions,
  on,
  onEntity,
  onEntry,
} from "./hooks.ts"
export { Html, html, raw } from "./html.ts"
export type { TableKit } from "./kit-postgres.ts"
export type { Override, OverrideContext, OverrideOperation, Overrides } from "./overrides.ts"
export {
  type Backoff,
  definePlugin,
  HOST_API_VERSION,
  type JobContext,
  type JobDefinition,
  job,
  type PluginApp,
  type PluginDefinition,
  type PluginIdentity,
  type RouteContext,
  secret,
  t,
} from "./plugin.ts"
export { defineTables } from "./tables.ts"
