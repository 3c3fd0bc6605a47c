import type { Api } from "./api.ts"
import type { EntitiesApi, EntriesApi, PermissionsApi, ServicesApi } from "./api-data.ts"
import type { Json, User } from "./data.ts"
import { PluginError, PluginValidationError } from "./errors.ts"
import type { PluginDefinition } from "./plugin.ts"
import type { TestLogLine } from "./testing-api.ts"

/** One event that the plugin told with `api.hooks.emit`. */
export type TestEvent = { name: string; data: Json; user: User | null }

/**
 * What the calls that need the host's database answer in a test: only what is given here is there.
 *
 * @example { entries: { get: async (id) => ({ ...web01, id }) } }
 */
export type TestData = {
  entities?: Partial<EntitiesApi>
  entries?: Partial<EntriesApi>
  permissions?: Partial<PermissionsApi>
  services?: Partial<Pick<ServicesApi, "search">> & { users?: Partial<ServicesApi["users"]> }
}

type Parts = {
  definition: PluginDefinition
  user: User | null
  data: TestData
  events: TestEvent[]
  need(permission: string): void
  write(level: TestLogLine["level"]): (message: string, fields?: Record<string, Json>) => Promise<void>
  guard<Arguments extends unknown[], Result>(
    call: (...values: Arguments) => Promise<Result>,
  ): (...values: Arguments) => Promise<Result>
}

type Given = (...values: never[]) => Promise<unknown>

export function createTestData({ definition: { id }, user, data, events, need, write, guard }: Parts) {
  /** The test's own answer, under the host's rule on permissions, with copies both ways. */
  const answer = <Part extends object, Name extends keyof Part & string>(
    title: string,
    part: Partial<Part> | undefined,
    names: Record<Name, string | undefined>,
  ): Pick<Part, Name> => {
    const calls = Object.entries<string | undefined>(names).map(([name, permission]) => [
      name,
      guard(async (...values: unknown[]) => {
        if (permission !== undefined) need(permission)
        const given = part?.[name as Name] as Given | undefined
        if (given) return structuredClone(await given(...(structuredClone(values) as never[])))
        throw new PluginError(
          `api.${title}.${name} needs an answer: give it to testPlugin as "data.${title}.${name}"`,
          {
            code: "NOT_YET",
          },
        )
      }),
    ])
    return Object.fromEntries(calls)
  }
  const [read, written] = ["entries:read", "entries:write"]

  const made: Pick<Api, "entities" | "entries" | "permissions" | "services" | "hooks"> = {
    entities: answer<EntitiesApi, keyof EntitiesApi>("entities", data.entities, {
      get: "entities:read",
      list: "entities:read",
      create: "entities:write",
      update: "entities:write",
      delete: "entities:write",
    }),
    entries: answer<EntriesApi, keyof EntriesApi>("entries", data.entries, {
      get: read,
      list: read,
      count: read,
      aggregate: read,
      create: written,
      update: written,
      delete: written,
      restore: written,
    }),
    permissions: answer<PermissionsApi, keyof PermissionsApi>("permissions", data.permissions, {
      can: undefined,
      require: undefined,
    }),
    services: {
      ...answer<ServicesApi, "search">("services", data.services as Partial<ServicesApi>, { search: read }),
      users: answer<ServicesApi["users"], "get">("services.users", data.services?.users, { get: "users:read" }),
      notify: guard(async ({ severity, message }) =>
        write(severity === "warning" ? "warn" : severity)(message, { notice: severity }),
      ),
    },
    hooks: {
      emit: guard(async (name, told = null) => {
        if (name.startsWith(`${id}:`) && name.length > id.length + 1) {
          events.push({ name, data: structuredClone(told), user })
          return
        }
        throw new PluginValidationError(`"${name}" is no event of the plugin's own, wanted "${id}:<event>"`, {
          path: "name",
        })
      }),
    },
  }
  return made
}
