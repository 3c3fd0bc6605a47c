/** The files of a small plugin, with a manifest unless `manifest` is false. */
export function pluginFiles(
  id: string,
  options: { version?: string; permissions?: string[]; manifest?: boolean; body?: string; fields?: string } = {},
): Record<string, string> {
  const { version = "1.0.0", permissions = [], manifest = true, body = "", fields = "" } = options
  const about = { name: id, version, type: "module", exports: "./plugin.ts" }
  return {
    "package.json": JSON.stringify(manifest ? { ...about, pagoda: { id, permissions } } : about),
    "plugin.ts": `import { definePlugin } from "@pagoda/sdk"
${body}
export default definePlugin({
  id: ${JSON.stringify(id)},
  name: ${JSON.stringify(`The ${id}`)},
  version: ${JSON.stringify(version)},
  permissions: ${JSON.stringify(permissions)},
  routes: (app) => app.get("/version", ({ plugin }) => plugin.version, { auth: false }),
  ${fields}
})
`,
  }
}

/** The same files below a folder. */
export function below(folder: string, files: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(files).map(([path, content]) => [`${folder}/${path}`, content]))
}
