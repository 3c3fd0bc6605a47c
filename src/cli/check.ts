import { randomBytes } from "node:crypto"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { openStore } from "../plugins/store.ts"
import { mustAgree } from "./ask.ts"
import { checkFolder, type Finding } from "./check-folder.ts"
import type { Call } from "./command.ts"
import { containForeign } from "./foreign.ts"
import { bad, good, print, printJson, say, toSafe, toSafeLines } from "./output.ts"
import { showProgress } from "./progress.ts"

/** Goes the way of a plugin up to its mount, in a store that is thrown away: the project gets no data directory. */
export async function checkProject({ args: [dir = "."], flags, config, log }: Call): Promise<number> {
  const folder = resolve(dir)
  await say(`This runs the code of the plugin in ${toSafe(folder)}.`)
  await mustAgree("Run it?", flags.yes === true)
  containForeign(log)
  const temporary = await mkdtemp(join(tmpdir(), "pagoda-check-"))
  const progress = await showProgress()
  try {
    const store = openStore(temporary, randomBytes(32))
    const context = { store, folder, offline: config.offline, progress: progress.report }
    const { id, version, findings } = await checkFolder(context, log)
    progress.stop()
    const isFine = findings.every(({ level }) => level !== "error")
    if (flags.json) await printJson({ folder, id, version, ok: isFine, findings })
    else await print([...findings.map(toLine), toSummary(findings, id)].join("\n"))
    return isFine ? 0 : 1
  } finally {
    progress.stop()
    await rm(temporary, { recursive: true, force: true })
  }
}

function toLine({ level, rule, message }: Finding): string {
  const mark = level === "fine" ? good() : level === "error" ? bad() : "!"
  return `  ${mark} ${rule}: ${toSafeLines(message)}`
}

function toSummary(findings: Finding[], id: string | undefined): string {
  const count = (level: Finding["level"]) => findings.filter((found) => found.level === level).length
  const name = toSafe(id ?? "The plugin")
  const warnings = count("warning") === 0 ? "" : `, ${count("warning")} to look at`
  if (count("error") > 0) return `${name} would not be taken: ${count("error")} wrong${warnings}.`
  return `${name} is a plugin that a host takes${warnings}.`
}
