import { homedir } from "node:os"
import { join, resolve } from "node:path"
import { PagodaError } from "../../errors.ts"

/**
 * The authorities that `.npmrc` files name with `ca` and `cafile`, and those that everyone trusts; nothing where they name
 * none. The npm client reads the same lines by itself.
 */
export async function readAuthorities(folder: string, env: Record<string, string>): Promise<string[] | undefined> {
  for (const place of [folder, env.HOME || homedir()]) {
    const named = await readNamed(join(place, ".npmrc"), place, env)
    if (named.length > 0) return [...named, ...(await import("node:tls")).rootCertificates]
  }
}

async function readNamed(file: string, folder: string, env: Record<string, string>): Promise<string[]> {
  const npmrc = Bun.file(file)
  const text = (await npmrc.exists()) ? await npmrc.text() : ""
  const found = text.split(/\r?\n/).flatMap((line) => {
    const [, field, value] = /^\s*(cafile|ca(?:\[\])?)\s*=\s*["']?(.*?)["']?\s*$/.exec(line) ?? []
    if (!field || !value || value === "null") return []
    const expanded = value.replace(/\$\{([^}]+)\}/g, (whole, name: string) => env[name] ?? whole)
    return field === "cafile" ? readFile(file, resolve(folder, expanded)) : expanded.replaceAll("\\n", "\n")
  })
  return Promise.all(found)
}

async function readFile(npmrc: string, cafile: string): Promise<string> {
  try {
    return await Bun.file(cafile).text()
  } catch (cause) {
    const message = `Cannot read "${cafile}", which "${npmrc}" names as "cafile": wanted a file of certificates`
    throw new PagodaError("SOURCE_UNREACHABLE", message, { cause })
  }
}

/** The client runs in another folder than the one that a relative path is meant from. */
export function withWholePaths(npmrc: string, folder: string): string {
  return npmrc.replace(
    /^([ \t]*cafile[ \t]*=[ \t]*["']?)(\.{1,2}\/[^"'\r\n]*)/gm,
    (_, before: string, path: string) => {
      return before + resolve(folder, path)
    },
  )
}
