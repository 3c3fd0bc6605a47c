export type { Api, JobFilter, JobRequest, JobsApi, LogApi, SettingsApi } from "./api.ts"
export type { Job, JobStatus, JobTarget, Json, Page, Time, User } from "./data.ts"
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
  definePlugin,
  HOST_API_VERSION,
  type HookContext,
  type HookDefinition,
  type HookOptions,
  type JobContext,
  type JobDefinition,
  job,
  on,
  onEntity,
  onEntry,
  type PluginApp,
  type PluginDefinition,
  type PluginIdentity,
  type RouteContext,
  secret,
  t,
} from "./plugin.ts"
