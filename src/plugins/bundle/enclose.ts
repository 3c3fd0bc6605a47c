import { scopeModule } from "../host-modules.ts"
import { globalNames, isGranted } from "../policy/names.ts"
import { timerNames } from "../policy/timers.ts"
import type { Verdict } from "../policy.ts"

/** The line before all others: it hides what only guarded code names, and replaces what plugins get another one of. */
export function enclose(code: string, id: string, verdict: Verdict, grants: ReadonlySet<string>): string {
  const taken = (name: string): string => (code.includes(name) ? taken(`${name}_`) : name)
  const [enter, scope, real] = [taken("__enter"), taken("__scope"), taken("__real")]
  const granted = [...grants].map((grant) => grant.slice("import:".length)).filter((name) => /^[\w$]+$/.test(name))
  const required = verdict.required.map((specifier, index) => [specifier, `${scope}_${index}`] as const)
  const needsReal = isGranted("require", grants)
  const needsRequire = needsReal || required.length > 0
  const lines = [
    ...required.map(([specifier, name]) => `import * as ${name} from ${JSON.stringify(specifier)}`),
    ...verdict.replaced.map((name) => `const ${name} = ${scope}.${toMember(name)}`),
    ...verdict.hidden.filter((name) => name !== "require" || !needsRequire).map((name) => `let ${name}`),
  ]
  if (needsReal) lines.unshift(`import { createRequire as ${real} } from "node:module"`)
  if (needsRequire) {
    const modules = required.map(([specifier, name]) => `${JSON.stringify(specifier)}: ${name}`)
    const rest = needsReal ? `, ${real}("file:///")` : ""
    lines.push(`const require = ${scope}.require({ ${modules.join(", ")} }${rest})`)
  }
  if (needsRequire || verdict.replaced.length > 0) {
    const call = `${enter}(${JSON.stringify(id)}, ${JSON.stringify(granted.sort())})`
    lines.unshift(`import { enterPlugin as ${enter} } from ${JSON.stringify(scopeModule)}`, `const ${scope} = ${call}`)
  }
  return shiftByLine(code, lines.map((line) => `${line};`).join(" "))
}

function toMember(name: string): string {
  if ((globalNames as readonly string[]).includes(name)) return "globalThis"
  return (timerNames as readonly string[]).includes(name) ? `timers.${name}` : name
}

type SourceMap = { mappings: string; sources: string[] }

/** Adds a line after the first one, and to the source map, where each line is what stands before a `;`. */
function shiftByLine(code: string, line: string): string {
  const end = code.indexOf("\n")
  const marker = "//# sourceMappingURL=data:application/json;base64,"
  const at = code.lastIndexOf(marker)
  const map = JSON.parse(Buffer.from(code.slice(at + marker.length), "base64").toString()) as SourceMap
  // the sources themselves would only make each start read twice as much; without the field the runtime refuses the map
  const shorter = { ...map, mappings: `;${map.mappings}`, sourcesContent: map.sources.map(() => "") }
  const shifted = Buffer.from(JSON.stringify(shorter)).toString("base64")
  return `${code.slice(0, end)}\n${line}${code.slice(end, at)}${marker}${shifted}\n`
}
