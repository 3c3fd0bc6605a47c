import { isObject, show } from "../core/fields.ts"
import { PagodaError } from "../errors.ts"
import { type FileRow, type Format, longestRow } from "./format.ts"
import { splitArray } from "./split-array.ts"

/** Nobody else has a turn while each of them is looked at. */
const mostAttrs = 10_000

export const json: Format = {
  name: "json",
  contentType: "application/json",

  encode(attributes) {
    let count = 0
    const toText = (entry: object) => `${count++ === 0 ? "" : ","}\n${JSON.stringify(entry)}`
    return {
      head: "[",
      rows: (entries) =>
        entries
          .map(({ id, name, values }) =>
            toText({
              id,
              name,
              attrs: Object.fromEntries(attributes.map((attribute, at) => [attribute.name, values[at]])),
            }),
          )
          .join(""),
      tail: "\n]\n",
    }
  },

  async *parse(pieces) {
    for await (const text of splitArray(pieces, longestRow)) yield toRow(text)
  },
}

function toRow(text: string): FileRow {
  return () => {
    const value = parseText(text)
    if (isObject(value)) {
      const { attrs } = value
      if (!isObject(attrs) || Object.keys(attrs).length <= mostAttrs) return value
      throw refuseRow(`it has more than ${mostAttrs} attrs`, undefined, "attrs")
    }
    throw refuseRow(`this is ${show(value)}, wanted an object`)
  }
}

function parseText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw refuseRow("this is no valid JSON", cause)
  }
}

function refuseRow(message: string, cause?: unknown, path = ""): PagodaError {
  const issues = [{ path, message, code: "OBJECT" }]
  return new PagodaError("IMPORT_INVALID", `Cannot read the row: ${message}`, { issues, cause })
}
