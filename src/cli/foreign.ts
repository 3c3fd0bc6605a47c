import { containForeignCode } from "../containment.ts"
import type { Log } from "../log.ts"
import { attributePlugin } from "../plugins/import.ts"

let contained = false

/** From the first foreign line on until the process ends: what such code leaves behind must not decide how we end. */
export function containForeign(log: Log): void {
  if (contained) return
  contained = true
  containForeignCode(log, attributePlugin)
}
