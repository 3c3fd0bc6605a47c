import type { Log } from "../log.ts"
import { enterPlugin, logPlugins } from "./policy/scope.ts"

type Load = () => Promise<object>

/** What the host gives to plugins, never fetched and never bundled, so that there is one instance of each. */
const hostModules: Readonly<Record<string, Load>> = {
  "@pagoda/sdk": () => import("@pagoda/sdk"),
  "@pagoda/sdk/testing": () => import("@pagoda/sdk/testing"),
  elysia: loadElysia,
  "@sinclair/typebox": () => import("@sinclair/typebox"),
  "drizzle-orm": () => import("drizzle-orm"),
  "drizzle-orm/sqlite-core": () => import("drizzle-orm/sqlite-core"),
  "drizzle-orm/pg-core": () => import("drizzle-orm/pg-core"),
  "drizzle-orm/mysql-core": () => import("drizzle-orm/mysql-core"),
  "drizzle-orm/singlestore-core": () => import("drizzle-orm/singlestore-core"),
  "drizzle-orm/gel-core": () => import("drizzle-orm/gel-core"),
}

export const hostModuleNames: readonly string[] = Object.keys(hostModules)

/** What `elysia` exports and plugins do not get: it reaches the environment and the disk. */
export const withheld: Readonly<Record<string, readonly string[]>> = { elysia: ["env", "file", "ElysiaFile"] }

/** Where a bundle finds its `console`, `globalThis` and `Function`. No plugin can import it by name. */
export const scopeModule = "host:pagoda/scope"

/** The package whose host module a specifier wants, whether the host gives exactly that or not. */
export function hostPackageOf(specifier: string): string | undefined {
  return ["@pagoda/sdk", "elysia", "@sinclair/typebox", "drizzle-orm"].find(
    (name) => specifier === name || specifier.startsWith(`${name}/`),
  )
}

let installed = false

/**
 * Makes the modules known to this process as `host:<name>`, each loaded when a bundle first asks for it. Under the bare
 * name the loader's own import would ask for itself without end, and the host's imports would meet it.
 */
export function installHostModules(log?: Log): void {
  if (log) logPlugins(log)
  if (installed) return
  installed = true
  Bun.plugin({
    name: "pagoda host modules",
    setup(build) {
      for (const [name, load] of Object.entries(hostModules)) {
        build.module(`host:${name}`, async () => ({ exports: { ...(await load()) }, loader: "object" }))
      }
      build.module(scopeModule, () => ({ exports: { enterPlugin }, loader: "object" }))
    },
  })
}

async function loadElysia(): Promise<object> {
  const { confineElysia } = await import("./confine-elysia.ts")
  confineElysia()
  const given = Object.entries(await import("elysia"))
  return Object.fromEntries(given.filter(([name]) => !withheld.elysia?.includes(name)))
}
