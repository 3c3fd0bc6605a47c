import { expect, test } from "bun:test"
import { findEntry } from "../../src/plugins/entry.ts"

function treeOf(packageJson: unknown, ...paths: string[]) {
  const files = new Map(paths.map((path) => [path, new Uint8Array()]))
  if (packageJson) files.set("package.json", new TextEncoder().encode(JSON.stringify(packageJson)))
  return files
}

test("findEntry() takes what package.json says: exports, then module, then main", () => {
  const paths = ["a.ts", "b.ts", "c.ts", "plugin.ts"]
  const all = { exports: "./a.ts", module: "./b.ts", main: "c.ts" }
  expect(findEntry(treeOf(all, ...paths), "x")).toBe("a.ts")
  expect(findEntry(treeOf({ ...all, exports: undefined }, ...paths), "x")).toBe("b.ts")
  expect(findEntry(treeOf({ main: "c.ts" }, ...paths), "x")).toBe("c.ts")
})

test("exports may have a root, conditions in their order, and alternatives", () => {
  const paths = ["types.d.ts", "bun.ts", "node.js", "lib/index.js"]
  const root = { types: "./types.d.ts", import: { node: "./node.js", bun: "./bun.ts" }, default: "./lib/index.js" }
  expect(findEntry(treeOf({ exports: { ".": root } }, ...paths), "x")).toBe("node.js")
  expect(findEntry(treeOf({ exports: root }, ...paths), "x")).toBe("node.js")
  expect(findEntry(treeOf({ exports: [{ browser: "./no.js" }, "./bun.ts"] }, ...paths), "x")).toBe("bun.ts")
  expect(findEntry(treeOf({ exports: { ".": { default: "./lib" } } }, ...paths), "x")).toBe("lib/index.js")
})

test("without a word of package.json it is plugin.ts, else index.ts", () => {
  expect(findEntry(treeOf(undefined, "index.ts", "plugin.ts"), "x")).toBe("plugin.ts")
  expect(findEntry(treeOf({ name: "x" }, "index.ts"), "x")).toBe("index.ts")
})

test("an ending may be left out, and .js may stand for .ts", () => {
  expect(findEntry(treeOf({ main: "./plugin" }, "plugin.ts"), "x")).toBe("plugin.ts")
  expect(findEntry(treeOf({ main: "src/plugin.js" }, "src/plugin.ts"), "x")).toBe("src/plugin.ts")
  expect(findEntry(treeOf({ main: "." }, "index.ts"), "x")).toBe("index.ts")
})

test("a missing entry is refused with all that was looked for", () => {
  expect(() => findEntry(treeOf(undefined, "README.md"), "file:./x")).toThrow(
    'Cannot find the entry module of "file:./x": no package.json names one, looked for "plugin.ts", "index.ts"',
  )
  const named = treeOf({ main: "dist/plugin.js" }, "plugin.ts")
  expect(() => findEntry(named, "x")).toThrow('its package.json names "dist/plugin.js", looked for "dist/plugin.js"')
  expect(() => findEntry(treeOf({ main: "../../etc/passwd" }), "x")).toThrow(
    'its package.json names "../../etc/passwd"',
  )
})

test("a package.json that is no JSON object is refused", () => {
  expect(() => findEntry(new Map([["package.json", new TextEncoder().encode("{")]]), "x")).toThrow(
    "it is not valid JSON",
  )
  expect(() => findEntry(treeOf(["x"]), "x")).toThrow("it is no object")
})
