import type { Undo } from "../../undo.ts"
import type { Declared } from "./schema.ts"
import type { Reading, Settings } from "./values.ts"

/** The settings of one version of a plugin, as it sees them. */
export type OpenSettings = {
  /** The same object until they change. */
  readonly current: Settings
  /** As the plugin itself. @throws VALIDATION_FAILED */
  set(changes: unknown): Promise<void>
  /** Told of every change from now on, and at once where they are others than `since`. */
  follow(since: Settings, listener: (settings: Settings) => void): Undo
  close(): void
}

export type FollowedSettings = OpenSettings & {
  readonly declared: Declared
  /** Looks again; by turns, so that what was read later is newer. */
  reload(): Promise<Reading>
}

export type FollowContext = {
  readonly declared: Declared
  read(): Promise<Reading>
  write(changes: unknown): Promise<void>
  report(reading: Reading): Promise<void>
  onClose(settings: FollowedSettings): void
}

/** They are there after the first `reload`. */
export function followSettings({ declared, read, write, report, onClose }: FollowContext): FollowedSettings {
  const listeners = new Set<(settings: Settings) => void>()
  let reading: Reading | undefined
  let current: Settings = Object.freeze({})
  let turn: Promise<unknown> = Promise.resolve()

  const load = async (): Promise<Reading> => {
    const next = await read()
    if (reading && Bun.deepEquals(next, reading)) return reading
    reading = next
    const isChanged = !Bun.deepEquals(next.values, current)
    if (isChanged) current = next.values
    await report(next)
    if (isChanged) for (const listener of listeners) listener(current)
    return next
  }

  const settings: FollowedSettings = {
    declared,
    get current() {
      return current
    },
    reload() {
      const done = turn.then(load)
      turn = done.catch(() => {})
      return done
    },
    set: write,
    follow(since, listener) {
      listeners.add(listener)
      if (current !== since) listener(current)
      return () => void listeners.delete(listener)
    },
    close() {
      listeners.clear()
      onClose(settings)
    },
  }
  return settings
}
