import { expect, test } from "bun:test"
import { t } from "@pagoda/sdk"
import { toIssues } from "../src/issues.ts"

test("every problem has its path, and one with a choice says what there is to choose from", () => {
  const schema = t.Object({ list: t.Array(t.Integer()), "a/b": t.Union([t.Literal("low"), t.Literal("high")]) })
  expect(toIssues(schema, { list: [1, "x"], "a/b": "mid" })).toEqual([
    { path: "list.1", message: "Expected integer", code: "INTEGER" },
    { path: "a/b", message: 'Expected one of "low", "high"', code: "UNION" },
  ])
  expect(toIssues(schema, { list: [], "a/b": "low" })).toEqual([])
})
