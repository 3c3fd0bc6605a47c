import type { Json } from "@pagoda/sdk"
import { join, show } from "../fields.ts"
import type { Kind } from "../kinds.ts"

const itemLimit = 10_000

/** Many of one kind, in their order. An item is never `null`. */
export function arrayOf(item: Kind): Kind {
  return {
    empty: [],
    column: item.column,
    isArray: true,
    check(value, attribute, path, issues) {
      if (!Array.isArray(value)) {
        issues.push({ path, message: `the value is ${show(value)}, wanted an array`, code: "ARRAY" })
        return null
      }
      if (value.length > itemLimit) {
        const message = `the value has ${value.length} items, wanted at most ${itemLimit}`
        issues.push({ path, message, code: "ARRAY_TOO_LONG" })
        return null
      }
      return value.map((one, position) => item.check(one, attribute, join(path, position), issues))
    },
    toIndex: (value) => (value as Json[]).flatMap((one) => item.toIndex(one)),
    references: (value, path) => (value as Json[]).flatMap((one, at) => item.references(one, join(path, at))),
  }
}
