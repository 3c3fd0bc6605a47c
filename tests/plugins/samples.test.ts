import { afterAll, expect, test } from "bun:test"
import { join } from "node:path"
import { readSamples } from "../../src/plugins/samples.ts"
import { makeContext } from "../support/fetching.ts"
import { makeFolder, removeFolders } from "../support/folder.ts"
import { below, pluginFiles } from "../support/plugin-folder.ts"

afterAll(removeFolders)

test("readSamples() takes every folder: good ones by their id, all others by their name, and no file", async () => {
  const folder = await makeFolder({
    "README.md": "not a plugin",
    ...below("1-good", pluginFiles("good", { permissions: ["jobs:create"] })),
    ...below("2-taken", pluginFiles("good")),
    ...below("3-broken", { "package.json": "{" }),
    ...below("4-bare", { "plugin.ts": "export default 1" }),
    ...below("5-no-id", { "package.json": '{"pagoda": {"id": "No Id"}}', "plugin.ts": "" }),
  })
  const at = (name: string) => `file:${join(folder, name)}`
  expect((await readSamples(folder, await makeContext())).plugins).toEqual({
    good: { source: at("1-good"), permissions: ["jobs:create"] },
    "2-taken": { source: at("2-taken"), permissions: [] },
    "3-broken": { source: at("3-broken"), permissions: [] },
    "4-bare": { source: at("4-bare"), permissions: [] },
    "5-no-id": { source: at("5-no-id"), permissions: [] },
  })
})
