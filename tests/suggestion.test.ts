import { expect, test } from "bun:test"
import { suggest } from "../src/suggestion.ts"

test.each([
  ["lst", ["list", "info"], ' (did you mean "list"?)'],
  ["PAGODA_PROT", ["PAGODA_PORT", "PAGODA_HOST"], ' (did you mean "PAGODA_PORT"?)'],
  ["udpate", ["update", "add"], ' (did you mean "update"?)'],
  ["zebra", ["list", "info"], ""],
  ["x".repeat(1_000_000), ["list"], ""],
])("suggest(%p) of %p", (word, known, wanted) => {
  expect(suggest(word, known)).toBe(wanted)
})
