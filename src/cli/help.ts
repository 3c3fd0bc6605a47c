import { version } from "../config.ts"
import { type Command, commonFlags, type Flag } from "./command.ts"
import { bold } from "./output.ts"

/** The help of one command, of a noun's commands, or of all. */
export function formatHelp(commands: readonly Command[], topic?: string): string {
  const command = commands.find(({ name }) => name === topic)
  if (command) return formatCommand(command)
  const shown = commands.filter(({ name }) => topic === undefined || name.startsWith(`${topic} `))
  const head = topic
    ? `${bold("Usage")}  pagoda ${topic} <verb>`
    : `${bold(`Pagoda ${version}`)}: a data platform that strangers can extend without touching it\n\n${bold("Usage")}  pagoda <command>`
  return [
    head,
    section(
      "Commands",
      shown.map((each) => [toUsage(each), each.summary]),
    ),
    section("Flags of every command", Object.entries(commonFlags).map(toRow)),
    topic
      ? ""
      : section("Begin", [
          ["pagoda plugin add npm:<name>", "add a plugin; it asks before anything of it runs"],
          ["pagoda serve", "run the host, then open <url>/swagger"],
        ]),
    `Say "pagoda <command> --help" for the flags and examples of one command.`,
  ]
    .filter(Boolean)
    .join("\n\n")
}

function formatCommand(command: Command): string {
  const flags = Object.entries({ ...command.flags, ...commonFlags })
  return [
    `${bold("Usage")}  pagoda ${toUsage(command)}${command.flags ? " [flags]" : ""}`,
    `${command.summary[0]?.toUpperCase()}${command.summary.slice(1)}.${command.details ? ` ${command.details}` : ""}`,
    section("Flags", flags.map(toRow)),
    `${bold("Examples")}\n${command.examples.map((line) => `  pagoda ${line}`).join("\n")}`,
  ].join("\n\n")
}

function toUsage({ name, args = [] }: Command): string {
  return [name, ...args.map((arg) => (arg.endsWith("?") ? `[<${arg.slice(0, -1)}>]` : `<${arg}>`))].join(" ")
}

function toRow([name, { type, value, short, description }]: [string, Flag]): [string, string] {
  const repeat = type === "list" ? " (may be repeated)" : ""
  return [`${short ? `-${short}, ` : ""}--${name}${value ? ` ${value}` : ""}`, `${description}${repeat}`]
}

function section(title: string, rows: [string, string][]): string {
  const width = Math.max(...rows.map(([left]) => left.length))
  return `${bold(title)}\n${rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join("\n")}`
}
