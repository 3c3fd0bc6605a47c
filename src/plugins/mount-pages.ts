import type { PluginDefinition } from "@pagoda/sdk"
import type { AnyElysia } from "elysia"
import type { MountOptions } from "./mount.ts"
import type { FileTree } from "./tree.ts"

/** Nothing for a plugin that has neither pages nor files to show: most have none. */
export async function mountPages(
  definition: PluginDefinition,
  options: MountOptions,
  files: FileTree,
): Promise<AnyElysia | undefined> {
  if (!definition.pages && !files.keys().some((path) => path.startsWith("static/"))) return undefined
  const { createPluginPages } = await import("./pages.ts")
  return createPluginPages(definition, options, files)
}
