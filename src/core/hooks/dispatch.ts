import type { User } from "@pagoda/sdk"
import type { Database } from "../../db/database.ts"
import { PagodaError, toMessage } from "../../errors.ts"
import type { Log } from "../../log.ts"
import type { EventCall, HookCall, Hooks } from "../hooks.ts"
import { readHookBacklog } from "./backlog.ts"
import { createHookCaller } from "./call.ts"
import { createHookDelivery } from "./delivery.ts"
import { concerns, createHookRegistry, entityOf, type Listener } from "./registry.ts"
import { failedClosed, isRejection, type Rejection, toRefusal } from "./veto.ts"

export type HooksOptions = {
  database: Database
  /** Who caused a write is asked for again when it is delivered. */
  users: { get(id: string): Promise<User | null> }
  log: Log
  /** Told of what a handler threw, and of one that took too long. */
  onFailure?: ((plugin: string, error: unknown) => void) | undefined
}

export function createHooks({ database, users, log, onFailure }: HooksOptions): Hooks {
  const registry = createHookRegistry()
  const caller = createHookCaller(log, onFailure)
  const delivery = createHookDelivery({ database, users, registry, caller, log })

  /** What one handler throws keeps none of the others from running. */
  const tell = (listeners: readonly Listener[], call: HookCall | EventCall, entity: string | undefined) =>
    caller.walk(listeners, {
      toCall(listener) {
        if (!concerns(listener, entity)) return undefined
        if (!listener.hook.durable) return call
        delivery.wake(listener.hook.plugin)
      },
      threw: caller.failed,
    })

  return {
    register(hook) {
      const undo = registry.add(hook)
      if (hook.durable) delivery.wake(hook.plugin)
      return undo
    },

    has(name, entity) {
      const listeners = registry.on(name)
      return listeners?.some((listener) => concerns(listener, entity)) ?? false
    },

    isDurable(name, entity) {
      const listeners = registry.on(name)
      return listeners?.some((listener) => listener.hook.durable && concerns(listener, entity)) ?? false
    },

    async chain(name, call, field, check) {
      const listeners = registry.on(name)
      let current = call[field] as Awaited<ReturnType<typeof check>>
      if (!listeners) return current
      const entity = entityOf(call)
      await caller.deeper(name, () =>
        caller.walk(listeners, {
          toCall: (listener) => (concerns(listener, entity) ? { ...call, [field]: current } : undefined),
          async gave(listener, changed) {
            if (changed === undefined || changed === null) return
            try {
              current = await check(changed)
            } catch (error) {
              if (!isMisfit(error)) throw error
              failed(listener, error)
            }
          },
          threw(listener, error) {
            if (field === "data" && isRejection(error)) throw toRefusal([reject(listener, error)])
            failed(listener, error)
          },
        }),
      )
      return current
    },

    async validate(name, call) {
      const listeners = registry.on(name)
      if (!listeners) return
      const entity = entityOf(call)
      const rejections: ReturnType<typeof reject>[] = []
      await caller.deeper(name, () =>
        caller.walk(listeners, {
          toCall: (listener) => (concerns(listener, entity) ? call : undefined),
          threw(listener, error) {
            if (isRejection(error)) rejections.push(reject(listener, error))
            else failed(listener, error)
          },
        }),
      )
      if (rejections.length > 0) throw toRefusal(rejections)
    },

    async enqueue(handle, name, call) {
      const listeners = registry.on(name)
      if (!listeners) return
      const entity = entityOf(call)
      const durable = listeners.filter((listener) => listener.hook.durable && concerns(listener, entity))
      if (durable.length > 0) await delivery.enqueue(handle, durable, call)
    },

    async after(name, call) {
      const listeners = registry.on(name)
      if (!listeners) return
      try {
        await caller.deeper(name, () => tell(listeners, call, entityOf(call)))
      } catch (error) {
        log.error(toMessage(error), { hook: name, error })
      }
    },

    async emit(name, call) {
      const listeners = registry.on(name)
      if (!listeners) return
      try {
        await caller.deeper(name, () => tell(listeners, call, undefined))
      } catch (error) {
        log.error(toMessage(error), { hook: name, error })
      }
    },

    counts: () => registry.all().map(({ count }) => ({ ...count })),
    backlog: () => readHookBacklog(database),
    start: () => delivery.start(),
    async close() {
      await delivery.close()
      caller.close()
    },
  }

  function failed(listener: Listener, error: unknown): void {
    caller.failed(listener, error)
    if (listener.hook.on_error === "reject") throw failedClosed(listener.hook)
  }
}

function reject({ hook, count }: Listener, rejection: Rejection) {
  count.rejections++
  return { plugin: hook.plugin, rejection }
}

/** What `check` says of a handler's result; anything else, such as a database that is away, is not the handler's. */
function isMisfit(error: unknown): boolean {
  return error instanceof PagodaError && error.status < 500
}
