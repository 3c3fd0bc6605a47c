import { existsSync, statSync } from "node:fs"
import { join, resolve } from "node:path"
import { isatty } from "node:tty"
import manifest from "../package.json" with { type: "json" }
import { type Issue, PagodaError } from "./errors.ts"
import { type LogFormat, type LogLevel, logLevels } from "./log.ts"
import { suggest } from "./suggestion.ts"
import { isUsername, usernameRule } from "./username.ts"

/** Of this program: what `pagoda --version` prints. */
export const version: string = manifest.version

const samplesFolder = join(import.meta.dir, "..", "plugin-samples")

export type Environment = Readonly<Record<string, string | undefined>>

export type Config = {
  readonly host: string
  readonly port: number
  /** Absolute. */
  readonly dataDir: string
  /** Left out: SQLite in the data directory. It may hold a password: never print it. */
  readonly databaseUrl?: string
  /** Absolute. */
  readonly lockfile: string
  /** `true`: all; `false`: none; a list: these alone. */
  readonly plugins: boolean | readonly string[]
  readonly whitelist: readonly string[]
  readonly blacklist: readonly string[]
  readonly strict: boolean
  readonly isolationRequire: boolean
  readonly offline: boolean
  /** Left out: generated into the data directory. */
  readonly secretKey?: string
  readonly adminUsername: string
  readonly adminPassword?: string
  readonly logLevel: LogLevel
  readonly logFormat: LogFormat
  readonly watch: boolean
  readonly vendor?: string
  /** Development: every folder in this one is loaded, unverified, in place of what the lockfile says. */
  readonly samples?: string
  /** Development: the one folder that is loaded, unverified, in place of what the lockfile says. Absolute. */
  readonly project?: string
  /** The environment as it was at the start: what `env:` grants let a plugin read. */
  readonly env: Environment
}

/** What a command line said, by the flag's name without the dashes. */
export type ConfigFlags = {
  port?: string
  host?: string
  lockfile?: string
  "data-dir"?: string
  "no-plugins"?: boolean
  watch?: boolean
  vendor?: string
  samples?: boolean
}

export type ConfigInput = {
  env?: Environment
  flags?: ConfigFlags
  /** What was wrong with the command line itself: told together with the rest. */
  issues?: readonly Issue[]
  cwd?: string
  terminal?: boolean
}

/** Reads everything that may be configured, once. @throws CONFIG_INVALID with every mistake */
export function readConfig(input: ConfigInput = {}): Config {
  const { env = readEnvironment(), flags = {}, cwd = process.cwd(), terminal = isTerminal("stderr") } = input
  const issues: Issue[] = [...(input.issues ?? [])]
  const known = new Set<string>()
  /** An empty variable is an unset one: that is what a template with nothing filled in leaves behind. */
  const from = <T>(name: string, parse: (text: string) => T | Problem, flag?: { name: string; value?: string }) => {
    known.add(name)
    const [path, text] = flag?.value === undefined ? [name, env[name] || undefined] : [`--${flag.name}`, flag.value]
    if (text === undefined) return
    const value = parse(text)
    if (!(value instanceof Problem)) return value
    issues.push({ path, message: value.message, code: "SETTING_INVALID" })
  }
  const path = (text: string) => (text.trim() === "" ? wanted("a path", text) : resolve(cwd, text))
  const enabled = from("PAGODA_PLUGINS_ENABLED", parseEnabled)
  const config: Config = {
    host: from("PAGODA_HOST", parseHost, { name: "host", value: flags.host }) ?? "127.0.0.1",
    port: from("PAGODA_PORT", parsePort, { name: "port", value: flags.port }) ?? 8000,
    dataDir: from("PAGODA_DATA_DIR", path, { name: "data-dir", value: flags["data-dir"] }) ?? resolve(cwd, ".pagoda"),
    databaseUrl: from("DATABASE_URL", parseDatabaseUrl),
    lockfile:
      from("PAGODA_LOCKFILE", path, { name: "lockfile", value: flags.lockfile }) ?? resolve(cwd, "plugins.lock.json"),
    plugins: flags["no-plugins"] ? false : (enabled ?? true),
    whitelist: from("PAGODA_PLUGINS_WHITELIST", parseIds) ?? [],
    blacklist: from("PAGODA_PLUGINS_BLACKLIST", parseIds) ?? [],
    strict: from("PAGODA_PLUGINS_STRICT", parseBoolean) ?? false,
    isolationRequire: from("PAGODA_ISOLATION_REQUIRE", parseBoolean) ?? false,
    offline: from("PAGODA_OFFLINE", parseBoolean) ?? false,
    secretKey: from("PAGODA_SECRET_KEY", parseSecretKey),
    adminUsername: from("PAGODA_ADMIN_USERNAME", parseUsername) ?? "admin",
    adminPassword: from("PAGODA_ADMIN_PASSWORD", (text) => text),
    logLevel: from("PAGODA_LOG_LEVEL", oneOf(logLevels)) ?? "info",
    logFormat: from("PAGODA_LOG_FORMAT", oneOf(["pretty", "json"] as const)) ?? (terminal ? "pretty" : "json"),
    watch: flags.watch ?? false,
    vendor: flags.vendor === undefined ? undefined : resolve(cwd, flags.vendor),
    samples: flags.samples ? samplesFolder : undefined,
    env,
  }
  if (flags.samples && !existsSync(samplesFolder)) {
    issues.push({ path: "--samples", message: "works only in the source tree of Pagoda", code: "SETTING_INVALID" })
  }
  if (config.vendor !== undefined && !statSync(config.vendor, { throwIfNoEntry: false })?.isDirectory()) {
    const message = `is "${config.vendor}", which is no folder; "pagoda plugin vendor <dir>" makes one`
    issues.push({ path: "--vendor", message, code: "SETTING_INVALID" })
  }
  issues.push(...findUnknown(env, known))
  if (issues.length > 0) throw toRefusal(issues)
  return Object.freeze(config)
}

/** The environment at the start, before anything foreign could change it. */
export function readEnvironment(): Environment {
  return Object.freeze({ ...process.env })
}

/** Whether errors are shown with their stack: asked also where the configuration is what failed. */
export function wantsStacks(env: Environment): boolean {
  return env.PAGODA_LOG_LEVEL === "debug"
}

/** Colours are for people: on a terminal that shows them, unless `NO_COLOR` is set. */
export function wantsColors(env: Environment, stream: "stdout" | "stderr"): boolean {
  return !env.NO_COLOR && env.TERM !== "dumb" && isTerminal(stream)
}

/** Without touching `process.stdout` or `process.stderr`: making those streams costs more than reading the configuration. */
function isTerminal(stream: "stdout" | "stderr"): boolean {
  return isatty(stream === "stdout" ? 1 : 2)
}

class Problem {
  constructor(readonly message: string) {}
}

const wanted = (what: string, found: string) => new Problem(`is ${JSON.stringify(found)}, wanted ${what}`)

const oneOf =
  <T extends string>(values: readonly T[]) =>
  (text: string): T | Problem =>
    values.find((value) => value === text.toLowerCase()) ??
    wanted(values.map((value) => `"${value}"`).join(" or "), text)

function parseBoolean(text: string): boolean | Problem {
  const value = oneOf(["true", "false"])(text)
  return value instanceof Problem ? value : value === "true"
}

function parseEnabled(text: string): boolean | string[] | Problem {
  const value = parseBoolean(text)
  if (!(value instanceof Problem)) return value
  const ids = parseIds(text)
  return ids instanceof Problem ? wanted('"true", "false" or a comma list of plugin ids', text) : ids
}

function parseIds(text: string): string[] | Problem {
  const ids = text.split(",").flatMap((id) => id.trim() || [])
  return ids.every((id) => /^[a-z0-9_-]+$/.test(id)) ? ids : wanted("a comma list of plugin ids", text)
}

function parsePort(text: string): number | Problem {
  const port = Number(text)
  return /^\d{1,5}$/.test(text) && port <= 65535 ? port : wanted("a whole number from 0 to 65535", text)
}

function parseHost(text: string): string | Problem {
  return /^[\w.:%[\]-]+$/.test(text) ? text : wanted("a host name or an address", text)
}

function parseUsername(text: string): string | Problem {
  return isUsername(text) ? text : wanted(usernameRule, text)
}

/** The value may hold a password, the key is a secret: neither is shown. */
function parseDatabaseUrl(text: string): string | Problem {
  const url = URL.parse(text)
  if (!url) return new Problem('is no URL, wanted "postgres://<user>:<password>@<host>/<database>"')
  if (url.protocol === "postgres:" || url.protocol === "postgresql:") return text
  return new Problem(`begins with "${url.protocol}", wanted "postgres:"; unset it to use SQLite in the data directory`)
}

function parseSecretKey(text: string): string | Problem {
  return text.length >= 32 ? text : new Problem(`has ${text.length} characters, wanted at least 32`)
}

function* findUnknown(env: Environment, known: ReadonlySet<string>): Generator<Issue> {
  for (const name of Object.keys(env)) {
    if (!name.startsWith("PAGODA_") || known.has(name)) continue
    yield { path: name, message: `is unknown${suggest(name, known)}`, code: "SETTING_UNKNOWN" }
  }
}

function toRefusal(issues: Issue[]): PagodaError {
  const lines = issues.map(({ path, message }) => `${path} ${message}`)
  const list = lines.length === 1 ? ` ${lines[0]}` : ` ${lines.length} mistakes\n  ${lines.join("\n  ")}`
  return new PagodaError("CONFIG_INVALID", `Cannot run this command:${list}`, { issues })
}
