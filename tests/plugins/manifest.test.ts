import { expect, test } from "bun:test"
import { readManifest } from "../../src/plugins/manifest.ts"
import { makeSource } from "../support/verified.ts"

const ofPackage = async (pagoda: unknown) =>
  readManifest(await makeSource({ "plugin.ts": "", "package.json": JSON.stringify({ name: "x", pagoda }) }))
const ofComment = async (text: string) => readManifest(await makeSource({ "mod.ts": text }))

test("a tree tells it in its package.json, a module in its first comment", async () => {
  const told = { id: "a", permissions: ["jobs:create"], engines: { pagoda: ">=2" }, dependencies: { b: "^1.0.0" } }
  expect(await ofPackage(told)).toEqual(told)
  expect(await ofComment(`/** @pagoda ${JSON.stringify(told)} */\nexport default 1`)).toEqual(told)
  expect(await ofComment(`/**\n * @pagoda {\n *   "id": "a"\n * }\n */`)).toEqual({
    id: "a",
    permissions: [],
    engines: {},
    dependencies: {},
  })
})

test("a comment of nothing but blank lines is read as fast as any other, since nobody has agreed to it yet", async () => {
  for (const blank of ["\n", "\r", "\u2028", " \n", "\t"]) {
    const long = `/** @pagoda {"id": "a"}${blank.repeat(1_000_000)}*/`
    await ofComment(long).catch(() => {})
  }
})

test("where there is none, nothing is made up: not of a later comment either", async () => {
  expect(await ofPackage(undefined)).toBeUndefined()
  expect(await ofComment('export default 1\n/** @pagoda {"id": "a"} */')).toBeUndefined()
  expect(await ofComment('// @pagoda {"id": "a"}')).toBeUndefined()
})

test.each([
  ["no object", "a"],
  ["no id", {}],
  ["an id that is none", { id: "No Id" }],
  ["an id that paints the terminal", { id: "a\u001b[2K" }],
  ["a permission that paints the terminal", { id: "a", permissions: ["jobs:create\n\u001b[1A"] }],
  ["permissions that are text", { id: "a", permissions: "system" }],
  ["an unknown field", { id: "a", permission: ["system"] }],
])("a manifest with %s is refused", async (_, pagoda) => {
  await expect(ofPackage(pagoda)).rejects.toMatchObject({ code: "PLUGIN_INVALID" })
  await expect(ofComment(`/** @pagoda ${JSON.stringify(pagoda)} */`)).rejects.toMatchObject({ code: "PLUGIN_INVALID" })
})

test("a manifest that is no JSON is refused", async () => {
  await expect(ofComment("/** @pagoda {id: 1} */")).rejects.toThrow("the comment @pagoda of the plugin: it is no JSON")
})
