import { expect, test } from "bun:test"
import { orderPlugins } from "../../src/plugins/order.ts"

const plugin = (id: string, dependencies: Record<string, string> = {}, version = "1.0.0") => ({
  id,
  version,
  dependencies,
})
const order = (...plugins: ReturnType<typeof plugin>[]) => orderPlugins(plugins, () => "is not in the lockfile")

test("orderPlugins() puts every plugin after those that it needs", () => {
  const { ordered, refused } = order(plugin("c", { b: "^1" }), plugin("b", { a: "^1" }), plugin("a"))
  expect(ordered).toEqual(["a", "b", "c"])
  expect(refused.size).toBe(0)
})

test("orderPlugins() names the whole chain down to a missing plugin", () => {
  const { ordered, refused } = order(plugin("c", { b: "^1" }), plugin("b", { a: "^1" }), plugin("d"))
  expect(ordered).toEqual(["d"])
  expect(refused.get("c")?.message).toBe(
    'Cannot load plugin "c": it needs "b", which needs "a", which is not in the lockfile',
  )
  expect(refused.get("b")?.code).toBe("DEPENDENCY_FAILED")
})

test("orderPlugins() refuses a version that does not fit and says which", () => {
  const { refused } = order(plugin("b", { a: "^2" }), plugin("a"))
  expect(refused.get("b")?.message).toContain('it needs "a" as "^2", which is 1.0.0')
})

test("orderPlugins() refuses every plugin of a circle, and those that need one of them", () => {
  const { ordered, refused } = order(
    plugin("a", { b: "*" }),
    plugin("b", { a: "*" }),
    plugin("c", { a: "*" }),
    plugin("d"),
  )
  expect(ordered).toEqual(["d"])
  expect([...refused.keys()].sort()).toEqual(["a", "b", "c"])
  expect(refused.get("a")?.message).toContain("closes a circle")
})
