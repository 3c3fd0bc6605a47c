import type { Api } from "./api.ts"
import type { Json, User } from "./data.ts"
import { PluginError } from "./errors.ts"
import type { HookFields, HookName } from "./hooks.ts"
import type { OverrideContext, OverrideOperation } from "./overrides.ts"
import type { PluginDefinition } from "./plugin.ts"

/** What an override is told in a test, besides `user`, `api` and `plugin`. */
export type TestOverrideFields = Partial<Pick<OverrideContext, "entity" | "entry" | "data" | "params">>

/** Runs handlers as the host does, but that nothing is skipped: what one throws is thrown. */
export function createTestHooks({ id, name, version, hooks = [], overrides = {} }: PluginDefinition) {
  const plugin = { id, name, version }

  return {
    async runHook<Name extends HookName>(hook: Name, fields: HookFields[Name], user: User, api: Api) {
      const told = structuredClone(fields) as { entity?: { name: string }; data?: { name?: Json }; attrs?: Json }
      const entity = told.entity?.name ?? told.data?.name
      const own = hooks
        .filter((one) => one.name === hook && (one.entity === undefined || one.entity === entity))
        .sort((a, b) => (a.priority ?? 100) - (b.priority ?? 100))
      const field = hook.endsWith("get_attrs") ? "attrs" : hook.includes(".before_") ? "data" : undefined
      for (const { handler } of own) {
        const answer = await handler({ ...structuredClone(told), user: { ...user }, api, plugin })
        if (field && answer !== undefined && answer !== null) told[field] = structuredClone(answer) as never
      }
      return told as unknown as HookFields[Name]
    },

    async runEvent(event: string, data: Json, user: User | null, api: Api): Promise<void> {
      for (const hook of hooks.filter((one) => one.name === event)) {
        await hook.handler({ user: user as User, api, plugin, data: structuredClone(data) })
      }
    },

    async runOverride(operation: OverrideOperation, fields: TestOverrideFields, user: User, api: Api) {
      const override = overrides[operation]
      if (!override) throw new PluginError(`Plugin "${id}" does not override "${operation}"`, { code: "NOT_FOUND" })
      const given = { entity: { id: 1, name: "Entity" }, params: {}, ...structuredClone(fields) }
      return override({ ...given, operation, user: { ...user }, api, plugin })
    },
  }
}
