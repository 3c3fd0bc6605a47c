import type { Call } from "../command.ts"
import { bad, bold, good, print, printJson, toSafe, toSafeLines } from "../output.ts"
import { checkDatabase } from "./database.ts"
import { checkFiles } from "./files.ts"
import type { Finding } from "./finding.ts"
import { askDiagnosis, describeHost, describeRepairs, readRepairs } from "./hosts.ts"
import { checkPlugins } from "./plugins.ts"

/** Looks at everything, changes nothing; 1 where something is wrong. */
export async function diagnose({ config, flags, log }: Call): Promise<number> {
  const findings: Finding[] = await checkFiles(config)
  const diagnosis = await askDiagnosis(config)
  let repairs = diagnosis?.repairs
  const database = await checkDatabase(config, async (open) => {
    repairs ??= await readRepairs(open, log)
  })
  findings.push(...database, ...(await checkPlugins(config)), describeHost(diagnosis))
  if (repairs) findings.push(...describeRepairs(repairs))
  const ok = findings.every((finding) => finding.ok)
  if (flags.json) await printJson({ ok, findings })
  else await print(findings.map(toLine).join("\n"))
  return ok ? 0 : 1
}

function toLine({ name, ok, message, mend }: Finding): string {
  const text = toSafeLines(message).replaceAll("\n", "\n    ")
  const line = `  ${ok ? good() : bad()} ${bold(toSafe(name))}: ${text}`
  return mend === undefined ? line : `${line}\n      ${toSafe(mend)}`
}
