import { Elysia } from "elysia"

let isConfined = false

/**
 * Takes from Elysia what reaches outside: to open a port, and to read the environment. From the class itself, since every
 * app leads back to its class, and Elysia makes the apps of groups and guards by itself.
 */
export function confineElysia(): void {
  if (isConfined) return
  isConfined = true
  new Elysia()["~adapter"].listen = () => refuse("listen", 'the host serves a plugin\'s routes; add them in "routes"')
  Elysia.prototype.env = () => refuse("env", 'the environment is read with "api.env"')
}

function refuse(name: string, why: string): never {
  throw new Error(`Cannot call "${name}" of a plugin's Elysia: ${why}`)
}
