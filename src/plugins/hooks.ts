import type { Api, HookContext, HookDefinition, PluginDefinition, PluginIdentity, User } from "@pagoda/sdk"
import type { EventCall, HookCall, HookCount, RegisteredHook } from "../core/hooks.ts"
import type { Calls } from "./calls.ts"
import { copyPlain, toPlain } from "./plain.ts"
import type { PluginHook } from "./record.ts"

/** The contract's defaults. */
const defaults = { priority: 100, timeout_ms: 5_000 }

/** A plugin's hooks as the core takes them: each call gets copies, and the plugin's `api` for who caused it. */
export function toHooks(
  { id, name, version, hooks = [] }: PluginDefinition,
  apiFor: (user: User | null) => Api,
  calls: Calls,
): RegisteredHook[] {
  const plugin = Object.freeze({ id, name, version })
  const seen = new Map<string, number>()
  return hooks.map((hook) => {
    const position = seen.get(hook.name) ?? 0
    seen.set(hook.name, position + 1)
    const isAnswered = /\.(?:before_\w+|get_attrs)$/.test(hook.name)
    return {
      plugin: id,
      position,
      name: hook.name as RegisteredHook["name"],
      entity: hook.entity,
      priority: hook.priority ?? defaults.priority,
      durable: hook.durable ?? false,
      timeout_ms: hook.timeout_ms ?? defaults.timeout_ms,
      on_error: hook.on_error ?? "skip",
      run(call: HookCall | EventCall) {
        const answer = calls.follow(hook.handler(toContext(call as HookCall, apiFor(call.user), plugin)))
        if (!isAnswered) return answer
        return isThenable(answer) ? Promise.resolve(answer).then((value) => toPlain(value)) : toPlain(answer)
      },
    }
  })
}

function isThenable(value: unknown): boolean {
  return typeof (value as { then?: unknown } | null | undefined)?.then === "function"
}

/** Copies are made of what the handler looks at: most look at little. */
function toContext(call: HookCall, api: Api, plugin: PluginIdentity): HookContext {
  let entry: HookCall["entry"]
  let data: unknown
  let attrs: HookCall["attrs"]
  return {
    user: copyPlain(call.user),
    entity: copyPlain(call.entity),
    get entry() {
      entry ??= copyPlain(call.entry)
      return entry
    },
    get data() {
      data ??= copyPlain(call.data)
      return data
    },
    get attrs() {
      attrs ??= copyPlain(call.attrs)
      return attrs
    },
    api,
    plugin,
  }
}

/** The hooks of a plugin as its record shows them, with what became of them in this process. */
export function describeHooks(hooks: HookDefinition[], counts: HookCount[]): PluginHook[] {
  const seen = new Map<string, number>()
  return hooks.map(({ name, entity = null, priority = defaults.priority, durable = false }) => {
    const position = seen.get(name) ?? 0
    seen.set(name, position + 1)
    const count = counts.find((one) => one.name === name && one.position === position)
    const { calls = 0, failures = 0, rejections = 0, timeouts = 0 } = count ?? {}
    return { name, entity, priority, durable, calls, failures, rejections, timeouts }
  })
}
