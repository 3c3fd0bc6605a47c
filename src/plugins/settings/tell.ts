import type { PluginDefinition } from "@pagoda/sdk"
import { toMessage } from "../../errors.ts"
import type { Log } from "../../log.ts"
import { patience, within } from "../patience.ts"
import type { Settings } from "./values.ts"

/**
 * Calls a plugin's `onSettings`, one call at a time; of changes that came during one, the last. What it throws is
 * logged and counted, and takes back no change.
 */
export function createTeller(
  { id, onSettings }: Pick<PluginDefinition, "id" | "onSettings">,
  { log, onFailure = () => {} }: { log: Log; onFailure?: (error: unknown) => void },
): (settings: Settings) => void {
  let next: Settings | undefined
  let isTelling = false

  const tell = async (handler: NonNullable<typeof onSettings>) => {
    while (next) {
      const settings = next
      next = undefined
      try {
        await within(patience.onSettings, id, "tell settings to", async () => handler(settings as never))
      } catch (error) {
        const message = hide(toMessage(error), settings)
        log.error(message, { plugin: id, code: "PLUGIN_FAILED" })
        onFailure(new Error(message))
      }
    }
    isTelling = false
  }

  return (settings) => {
    if (!onSettings) return
    next = settings
    if (isTelling) return
    isTelling = true
    void tell(onSettings)
  }
}

const shortest = 4

/** An exception of a handler that got secrets may repeat them: no value of a setting is logged. */
function hide(message: string, settings: Settings): string {
  const texts = [...textsOf(settings)].filter((text) => text.length >= shortest).sort((a, b) => b.length - a.length)
  return texts.reduce((hidden, text) => hidden.replaceAll(text, "•••"), message)
}

/** As they are, and as they are in JSON and in an address. */
function* textsOf(value: unknown): Generator<string> {
  if (typeof value === "string")
    yield* [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value.toWellFormed())]
  else if (typeof value === "number") yield String(value)
  else if (typeof value === "object" && value !== null) for (const inner of Object.values(value)) yield* textsOf(inner)
}
