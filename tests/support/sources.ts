import { writeFiles } from "./folder.ts"
import { type GitServer, startGitServer } from "./git-server.ts"
import { startRegistry } from "./registry.ts"
import { makeRepository } from "./repository.ts"
import { redirect, startWeb } from "./web.ts"

/** The code of a plugin whose route `/answer` gives `answer`. */
export function pluginCode(id: string, answer: string, imports = ""): string {
  return `${imports}
import { definePlugin } from "@pagoda/sdk"
export default definePlugin({
  id: "${id}", name: "${id}", version: "1.0.0",
  routes: (app) => app.get("/answer", () => ({ answer: ${answer} })),
})
`
}

const manifestOf = (id: string, more: object = {}) =>
  JSON.stringify({ name: id, version: "1.0.0", type: "module", pagoda: { id }, ...more })

/** One plugin from each kind of source, on real servers on loopback. */
export async function startSources(folder: string) {
  const registry = await startRegistry()
  const git: GitServer = startGitServer()
  const web = startWeb()

  await registry.publish({ name: "leaf", version: "1.0.0" }, { "index.js": "module.exports = 'leaf 1'" })
  await registry.publish({ name: "leaf", version: "2.0.0" }, { "index.js": "module.exports = 'leaf 2'" })
  await registry.publish(
    { name: "branch", version: "1.2.0", dependencies: { leaf: "^1.0.0" } },
    { "index.js": "module.exports = 'branch over ' + require('leaf')" },
  )
  await registry.publish(
    {
      name: "from-npm",
      version: "1.0.0",
      type: "module",
      dependencies: { branch: "^1.0.0", leaf: "^2.0.0" },
      pagoda: { id: "from-npm" },
    },
    {
      "plugin.ts": pluginCode(
        "from-npm",
        "branch + ' and ' + leaf",
        'import branch from "branch"\nimport leaf from "leaf"',
      ),
    },
  )

  const served = await makeRepository()
  const commit = await served.commit({
    "package.json": manifestOf("from-git", { dependencies: { leaf: "2.0.0" } }),
    "plugin.ts": pluginCode("from-git", "'git and ' + leaf", 'import leaf from "leaf"'),
  })
  const local = await makeRepository()
  const localCommit = await local.commit({
    "README.md": "not part of the plugin",
    "plugins/mine/package.json": manifestOf("from-git-file"),
    "plugins/mine/index.ts": pluginCode("from-git-file", "'a folder of a repository'"),
  })

  const module = (path: string, code: string) => web.set(path, code)
  module(
    "/mod.ts",
    `/** @pagoda {"id": "from-url"} */\n${pluginCode("from-url", "[a, b, leaf].join()", 'import { a } from "./a.ts"\nimport { b } from "./lib/b.ts"\nimport leaf from "npm:leaf@1.0.0"')}`,
  )
  module("/a.ts", `export const a: string = "a"`)
  module(
    "/lib/b.ts",
    `import { c } from "./c.ts"\nimport { d } from "${web.url}/moved.ts"\nexport const b = "b" + c + d`,
  )
  module("/lib/c.ts", `export const c = "c"`)
  web.set("/moved.ts", redirect("/lib/d.ts"))
  module("/lib/d.ts", `export const d = "d"`)

  await writeFiles(folder, {
    "from-folder/package.json": manifestOf("from-folder"),
    "from-folder/plugin.ts": pluginCode("from-folder", "'a folder'"),
  })

  return {
    registry,
    web,
    env: { NPM_CONFIG_REGISTRY: registry.url, HOME: folder },
    /** Plugin id → what `plugin add` takes, and what its route answers. */
    plugins: {
      "from-npm": { source: "npm:from-npm@^1", answer: "branch over leaf 1 and leaf 2" },
      "from-git": { source: `git+${git.urlOf(served)}#main`, answer: "git and leaf 2", commit },
      "from-git-file": {
        source: `git+file://${local.folder}#${localCommit}&path:/plugins/mine`,
        answer: "a folder of a repository",
      },
      "from-url": { source: `${web.url}/mod.ts`, answer: "a,bcd,leaf 1" },
      "from-folder": { source: "./from-folder", answer: "a folder" },
    },
    stop: () => Promise.all([registry.stop(), git.stop(), web.stop()]),
  }
}

export type Sources = Awaited<ReturnType<typeof startSources>>
