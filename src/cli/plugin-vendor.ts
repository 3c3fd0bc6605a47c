import { relative, resolve } from "node:path"
import { formatLockfile, readLockfile } from "../plugins/lockfile.ts"
import { formatVendorReadme } from "../plugins/vendor/readme.ts"
import { openVendor, putText, removeUnneeded, vendorPlugin } from "../plugins/vendor/write.ts"
import type { Call } from "./command.ts"
import { toErrorLine } from "./error-line.ts"
import { withFetching } from "./open.ts"
import { good, print, say } from "./output.ts"

/** Copies all locked sources. Where one cannot be had, the others are, and what was there before stays usable. */
export async function vendorPlugins({ args: [dir = "vendor"], config, log }: Call): Promise<number> {
  const lockfile = await readLockfile(config.lockfile)
  const folder = resolve(dir)
  await openVendor(folder)
  let failures = 0
  await withFetching(config, async (context, quiet) => {
    for (const [id, locked] of Object.entries(lockfile.plugins)) {
      try {
        const written = await vendorPlugin(id, locked, folder, context)
        quiet()
        for (const { path } of written) log.debug("Written to the vendor folder", { plugin: id, path })
        await print(`  ${good()} ${id}: ${written.length === 0 ? "is there" : `${written.length} written`}`)
      } catch (error) {
        quiet()
        failures++
        await say(toErrorLine(error).replaceAll("<id>", id))
      }
    }
  })
  if (failures > 0) return 1
  const gone = await removeUnneeded(Object.values(lockfile.plugins), folder)
  await putText(folder, "plugins.lock.json", formatLockfile(lockfile))
  await putText(folder, "README.md", formatVendorReadme(lockfile.plugins))
  // a checkout must not change a byte
  await putText(folder, ".gitattributes", "* -text\n")
  if (gone.length > 0) await print(`Took out ${gone.length} that the lockfile names no longer.`)
  const count = Object.keys(lockfile.plugins).length
  const shown = relative(process.cwd(), folder) || "."
  await print(`${shown} has ${count} ${count === 1 ? "plugin" : "plugins"}. Next: "pagoda serve --vendor ${shown}".`)
  return 0
}
