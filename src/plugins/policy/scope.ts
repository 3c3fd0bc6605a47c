import { PluginSecurityError } from "@pagoda/sdk"
import { createLog, type Log } from "../../log.ts"
import { createPluginConsole } from "./console.ts"
import { freeNames } from "./names.ts"
import { createPluginTimers, type PluginTimers, timerNames } from "./timers.ts"

/** What a bundle takes instead of the real things of these names. */
export type PluginGlobals = {
  readonly globalThis: object
  readonly Function: (...source: string[]) => unknown
  readonly console: object
  readonly timers: PluginTimers
  require(modules: Modules, real?: Require): Require
}

type Modules = Readonly<Record<string, Record<string, unknown>>>
type Require = (specifier: string) => unknown

/** Of the latest run of each plugin's bundle. */
const timersOf = new Map<string, PluginTimers>()

/** The timers of the bundle that was just run; nothing where it sets none. */
export function takeTimers(id: string): PluginTimers | undefined {
  const timers = timersOf.get(id)
  timersOf.delete(id)
  return timers
}

let log: Log = createLog({ level: "info", format: "json" })

export function logPlugins(to: Log): void {
  log = to
}

/** The first line of every bundle calls this: each run of a bundle has globals of its own. */
export function enterPlugin(id: string, granted: readonly string[]): PluginGlobals {
  let scope: object | undefined
  let shadow: PluginGlobals["Function"] | undefined
  let console: object | undefined
  const timers = createPluginTimers(id)
  timersOf.set(id, timers)
  const globals: PluginGlobals = {
    timers,
    get globalThis() {
      scope ??= createScope(globals, granted)
      return scope
    },
    get Function() {
      shadow ??= granted.includes("Function") ? globalThis.Function : createFunctionShadow(id, globals)
      return shadow
    },
    get console() {
      console ??= granted.includes("console") ? globalThis.console : createPluginConsole(log.with({ plugin: id }))
      return console
    },
    require(modules, real) {
      const require: Require = (specifier) => {
        const found = modules[specifier]
        if (found) return specifier.startsWith("host:") ? found : (found.default ?? found)
        if (real) return real(specifier)
        throw new PluginSecurityError(
          `Plugin "${id}" cannot require "${specifier}": needs the permission "import:require"`,
        )
      }
      return Object.assign(require, real)
    },
  }
  return globals
}

function createScope(globals: PluginGlobals, granted: readonly string[]): object {
  const scope: object = Object.defineProperties({}, freeDescriptors(granted))
  const own: Record<string, unknown> = { globalThis: scope, self: scope, global: scope }
  for (const name of ["Function", "console"] as const) own[name] = globals[name]
  for (const name of timerNames) own[name] = globals.timers[name]
  for (const [name, value] of Object.entries(own)) {
    Object.defineProperty(scope, name, { value, writable: true, configurable: true, enumerable: false })
  }
  return scope
}

/** Getters, since reading all of them would make the runtime build what no one uses. */
function freeDescriptors(granted: readonly string[]): PropertyDescriptorMap {
  const names = [...freeNames, ...granted].filter((name) => name in globalThis)
  return Object.fromEntries(
    names.map((name) => [name, { get: () => Reflect.get(globalThis, name), set: replace(name), configurable: true }]),
  )
}

function replace(name: string): (this: object, value: unknown) => void {
  return function (value) {
    Object.defineProperty(this, name, { value, writable: true, configurable: true })
  }
}

/** `instanceof Function` and `Function.prototype` stay as they are; of code it makes only the old way to the global object. */
function createFunctionShadow(id: string, globals: PluginGlobals): PluginGlobals["Function"] {
  function shadow(...source: string[]) {
    if (isReturnThis(source)) return () => globals.globalThis
    throw new PluginSecurityError(`Plugin "${id}" cannot make code of a string: needs the permission "import:Function"`)
  }
  Object.defineProperty(shadow, "name", { value: "Function" })
  Object.defineProperty(shadow, Symbol.hasInstance, { value: (value: unknown) => typeof value === "function" })
  shadow.prototype = Function.prototype
  return shadow
}

/** How libraries of old find the global object: `Function("return this")()`. */
export function isReturnThis(source: readonly unknown[]): boolean {
  return source.length === 1 && typeof source[0] === "string" && /^\s*return this;?\s*$/.test(source[0])
}
