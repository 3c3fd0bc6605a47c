import { parseArgs } from "node:util"
import { type Issue, PagodaError } from "../errors.ts"
import { suggest } from "../suggestion.ts"
import { type Command, commonFlags, type Flag, type FlagValues } from "./command.ts"

/** A command to run, or help to show: of one command, of a noun, or (with `topic` left out) of all. */
export type Parsed =
  | { kind: "run"; command: Command; args: string[]; flags: FlagValues; issues: Issue[] }
  | { kind: "help"; topic?: string }
  | { kind: "version" }

type Token = ReturnType<typeof tokenize>[number]

/** @throws USAGE for an unknown command; other mistakes are given, to be told with those of the environment */
export function parseCommandLine(argv: string[], commands: readonly Command[]): Parsed {
  const tokens = tokenize(argv, commands)
  const words = tokens.flatMap((token) => (token.kind === "positional" ? token.value : []))
  const flagNames = tokens.flatMap((token) => (token.kind === "option" ? token.name : []))
  const command = commands
    .filter(({ name }) => name.split(" ").every((word, at) => words[at] === word))
    .sort((a, b) => b.name.length - a.name.length)[0]
  const wantsHelp = flagNames.includes("help") || flagNames.includes("h")
  if (words[0] === "help") return toHelp(words.slice(1), commands)
  if (wantsHelp && !command) return toHelp(words, commands)
  if (!command) {
    if (words.length === 0 && flagNames.some((name) => name === "version" || name === "v")) return { kind: "version" }
    if (words.length === 0 && flagNames.length === 0) return { kind: "help" }
    throw toUnknown(words, flagNames, commands)
  }
  if (wantsHelp) return { kind: "help", topic: command.name }
  const args = words.slice(command.name.split(" ").length)
  const see = `see "pagoda ${command.name} --help"`
  const { flags, issues } = readFlags(command, tokens, see)
  // behind an unknown flag it may be that flag's value
  if (issues.length === 0) issues.push(...findArgumentIssues(command, args, see))
  return { kind: "run", command, args, flags, issues }
}

/** Every flag has one type in all commands, so that flags may stand before the command as well. */
function tokenize(argv: string[], commands: readonly Command[]) {
  const all = Object.entries(
    Object.assign({}, commonFlags, ...commands.map(({ flags }) => flags)) as Record<string, Flag>,
  )
  const options = Object.fromEntries(
    all.map(([name, { type, short }]) => {
      return [name, { type: type === "boolean" ? ("boolean" as const) : ("string" as const), ...(short && { short }) }]
    }),
  )
  return parseArgs({ args: argv, options, strict: false, allowPositionals: true, tokens: true }).tokens
}

function readFlags(command: Command, tokens: Token[], see: string): { flags: FlagValues; issues: Issue[] } {
  const known: Record<string, Flag> = { ...commonFlags, ...command.flags }
  const flags: FlagValues = {}
  const issues: Issue[] = []
  for (const token of tokens) {
    if (token.kind !== "option") continue
    const { name, value, rawName } = token
    const refuse = (problem: string, code: string) =>
      issues.push({ path: rawName, message: `${problem}; ${see}`, code })
    const flag = Object.hasOwn(known, name) ? known[name] : undefined
    if (!flag) {
      const names = Object.keys(known).map((each) => `--${each}`)
      refuse(`is unknown${suggest(rawName, names)}`, "FLAG_UNKNOWN")
    } else if (flag.type === "boolean") {
      if (value === undefined) flags[name] = true
      else refuse(`takes no value, but has "${value}"`, "FLAG_INVALID")
    } else if (value === undefined || (!token.inlineValue && value.startsWith("--"))) {
      refuse(`has no value, wanted "${rawName} ${flag.value}"`, "FLAG_INVALID")
    } else if (flag.type === "list") {
      flags[name] = [...((flags[name] as string[]) ?? []), ...value.split(",").filter(Boolean)]
    } else flags[name] = value
  }
  return { flags, issues }
}

function* findArgumentIssues(command: Command, args: string[], see: string): Generator<Issue> {
  const wanted = command.args ?? []
  const missing = wanted.slice(args.length).find((name) => !name.endsWith("?"))
  if (missing) yield { path: `<${missing}>`, message: `is missing; ${see}`, code: "ARGUMENT_MISSING" }
  for (const extra of args.slice(wanted.length)) {
    yield { path: JSON.stringify(extra), message: `is one argument too many; ${see}`, code: "ARGUMENT_UNKNOWN" }
  }
}

function toHelp(words: string[], commands: readonly Command[]): Parsed {
  if (words.length === 0) return { kind: "help" }
  const topic = words.join(" ")
  if (commands.some(({ name }) => name === topic || name.startsWith(`${topic} `))) return { kind: "help", topic }
  throw toUnknown(words, [], commands)
}

function toUnknown(words: string[], flags: string[], commands: readonly Command[]): PagodaError {
  if (words.length === 0)
    return new PagodaError("USAGE", `Cannot run "--${flags[0]}": it is no command; see "pagoda --help"`)
  const [noun = "", verb] = words
  const verbs = commands.filter(({ name }) => name.startsWith(`${noun} `)).map(({ name }) => name)
  if (verbs.length > 0) {
    const found =
      verb === undefined ? `"pagoda ${noun}": it needs a verb` : `"pagoda ${noun} ${verb}": there is no such command`
    const hint = verb === undefined ? "" : suggest(`${noun} ${verb}`, verbs)
    return new PagodaError(
      "USAGE",
      `Cannot run ${found}${hint}; there are ${verbs.map((name) => `"${name}"`).join(", ")}`,
    )
  }
  const names = new Set(commands.flatMap(({ name }) => [name, name.split(" ")[0] ?? name]))
  return new PagodaError(
    "USAGE",
    `Cannot run "pagoda ${noun}": there is no such command${suggest(noun, names)}; see "pagoda --help"`,
  )
}
