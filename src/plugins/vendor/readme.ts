import type { LockedPlugin } from "../lockfile.ts"
import { toVendorPlaces } from "./places.ts"

/** What people find in a vendor folder: the same text for the same lockfile. */
export function formatVendorReadme(plugins: Readonly<Record<string, LockedPlugin>>): string {
  const sections = Object.entries(plugins)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([id, locked]) => {
      const { own, packages, modules } = toVendorPlaces(locked, locked.integrity as string)
      const lines = [...new Map([own, ...packages, ...modules].map((place) => [place.path, place])).values()].map(
        ({ name, path, integrity }) => `- \`${name}\`: [${path}](${path}), \`${integrity}\``,
      )
      return `## ${id}${locked.version ? ` ${locked.version}` : ""}\n\n${lines.join("\n")}\n`
    })
  return `${head}\n${sections.join("\n") || "There are no plugins.\n"}`
}

/** By it the page is known as ours. */
export const vendorTitle = "# Plugins, vendored\n"

const head = `${vendorTitle}
Everything that \`plugins.lock.json\` names, made by \`pagoda plugin vendor\`; it makes the folder anew where the lockfile
changed, and takes out what is needed no longer. Nothing here is trusted: a host checks every byte against its lockfile.

    pagoda serve --vendor <this folder> --lockfile <this folder>/plugins.lock.json

starts without a network, on any machine. \`plugins.lock.json\` here is a copy; any other lockfile that names the same works.

- \`npm/\` has tarballs as registries give them: \`openssl dgst -sha512 -binary <file> | base64 -w0\` prints the hash.
- \`url/\` has modules and \`file/\` single files: the same.
- \`git/\` and \`file/\` have trees: \`find . -type f -printf '%P\\n' | LC_ALL=C sort | xargs -d '\\n' sha512sum | openssl dgst -sha512 -binary | base64 -w0\`
`
