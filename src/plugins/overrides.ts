import type { Api, OverrideContext, OverrideOperation, PluginDefinition, User } from "@pagoda/sdk"
import type { OverrideCall, RunOverride } from "../core/overrides.ts"
import { blame } from "./api-error.ts"
import type { Calls } from "./calls.ts"
import { copyPlain, toPlain } from "./plain.ts"

/** A plugin's overrides as the core takes them: each call gets copies, and the plugin's `api` for who asks. */
export function toOverrides(
  { id, name, version, overrides = {} }: PluginDefinition,
  apiFor: (user: User | null) => Api,
  calls: Calls,
): [OverrideOperation, RunOverride][] {
  const plugin = Object.freeze({ id, name, version })
  return Object.entries(overrides).map(([operation, override]) => [
    operation as OverrideOperation,
    async (call: OverrideCall) => {
      try {
        const context = { ...(copyPlain(call) as object), api: apiFor(call.user), plugin }
        const answer: unknown = await calls.follow(override(context as unknown as OverrideContext))
        return answer instanceof Response ? answer : toPlain(answer)
      } catch (error) {
        throw blame(id, error)
      }
    },
  ])
}
