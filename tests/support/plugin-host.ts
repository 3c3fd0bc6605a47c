import { makeFolder, writeFiles } from "./folder.ts"
import { startTestHost, type TestHost } from "./host.ts"
import { runPagoda } from "./pagoda.ts"
import { below, pluginFiles } from "./plugin-folder.ts"

export type PluginCode = { permissions?: string[]; body?: string; fields: string }

/** A folder with these plugins, locked with all that they ask for. `removeFolders` takes it away. */
export async function makePluginFolder(plugins: Record<string, PluginCode>): Promise<string> {
  const folder = await makeFolder()
  const locked: Record<string, object> = {}
  for (const [id, code] of Object.entries(plugins)) {
    await writeFiles(folder, below(id, pluginFiles(id, code)))
    locked[id] = { source: `file:${id}`, permissions: code.permissions ?? [], isolation: "in-process" }
  }
  await writeFiles(folder, { "plugins.lock.json": JSON.stringify({ lockfileVersion: 1, plugins: locked }) })
  const { exitCode, stderr } = await runPagoda(["lock"], { cwd: folder })
  if (exitCode !== 0) throw new Error(stderr)
  return folder
}

/** A host with these plugins, every one active. */
export async function startPluginHost(
  plugins: Record<string, PluginCode>,
  env: Record<string, string> = {},
): Promise<TestHost> {
  const host = await startTestHost({ cwd: await makePluginFolder(plugins), env })
  for (const id of Object.keys(plugins)) {
    const { body } = await host.ask(`/api/v2/plugins/${id}`)
    if (body.state !== "active") throw new Error(`plugin "${id}": ${JSON.stringify(body.error)}`)
  }
  return host
}
