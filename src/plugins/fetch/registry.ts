import { homedir } from "node:os"
import { join } from "node:path"
import { readEnvironment } from "../../config.ts"

/** An `Authorization` header by the address that it is for, as `.npmrc` files give them: `//host/path/` → header. */
export type Credentials = ReadonlyMap<string, string>

/** What the npm client, git and `.npmrc` files may see of the environment: all but what is Pagoda's own. */
export function readForeignEnvironment(): Record<string, string> {
  const own = /^(PAGODA_|DATABASE_URL$)/
  const pairs = Object.entries(readEnvironment())
  return Object.fromEntries(
    pairs.filter((pair): pair is [string, string] => pair[1] !== undefined && !own.test(pair[0])),
  )
}

/** The lockfile's folder counts before the user's own `.npmrc`. */
export async function readCredentials(folder: string, env: Record<string, string>): Promise<Credentials> {
  const home = env.HOME || homedir()
  const texts = await Promise.all([readText(join(home, ".npmrc")), readText(join(folder, ".npmrc"))])
  return new Map(texts.flatMap((text) => [...parseCredentials(text, env)]))
}

async function readText(file: string): Promise<string> {
  const found = Bun.file(file)
  return (await found.exists()) ? found.text() : ""
}

/** Lines such as `//host/path/:_authToken=${TOKEN}`, `:_auth=` and the pair `:username=`, `:_password=`. */
export function parseCredentials(text: string, env: Record<string, string>): Credentials {
  const fields = new Map<string, Record<string, string>>()
  for (const line of text.split(/\r?\n/)) {
    const [, address, field, value] =
      /^\s*(\/\/[^\s=]*?)\/?:(_authToken|_auth|username|_password)\s*=\s*"?(.*?)"?\s*$/.exec(line) ?? []
    if (!address || !field || value === undefined) continue
    const expanded = value.replace(/\$\{([^}]+)\}/g, (whole, name: string) => env[name.replace(/\?$/, "")] ?? whole)
    fields.set(`${address}/`, { ...fields.get(`${address}/`), [field]: expanded })
  }
  return new Map([...fields].flatMap(([address, given]) => toHeader(given).map((header) => [address, header] as const)))
}

function toHeader({ _authToken, _auth, username, _password }: Record<string, string>): string[] {
  if (_authToken) return [`Bearer ${_authToken}`]
  if (_auth) return [`Basic ${_auth}`]
  if (!username || !_password) return []
  return [`Basic ${Buffer.from(`${username}:${Buffer.from(_password, "base64")}`).toString("base64")}`]
}

/** Only an address below the one that the credentials are for gets them; the longest match counts. */
export function findCredentials(url: string, credentials: Credentials): string | undefined {
  const { host, pathname } = new URL(url)
  const matches = [...credentials.keys()].filter((address) => `//${host}${pathname}`.startsWith(address))
  const longest = matches.sort((a, b) => b.length - a.length)[0]
  return longest === undefined ? undefined : credentials.get(longest)
}
