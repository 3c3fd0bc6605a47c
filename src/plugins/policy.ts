import type { Scope } from "eslint-scope"
import { hostModuleNames, withheld } from "./host-modules.ts"
import { isGuarded, isTried, isTypeof, type Parents, readParents } from "./policy/guard.ts"
import { globalNames, isFree, isGranted, permissionFor, toBuiltin } from "./policy/names.ts"
import { isReturnThis } from "./policy/scope.ts"
import type { Finding } from "./policy/source.ts"
import { timerNames } from "./policy/timers.ts"
import { isIdentifier, type Node, type Position, toText, walk } from "./policy/tree.ts"

/** A finding in the one output file; whoever knows the source map says where that was. */
export type OutputFinding = Omit<Finding, "place"> & {
  position: Position
  specifier?: string
  /** Packages may do this: it fails when it runs, and most who have it never run it. */
  own?: boolean
}

export type Verdict = {
  findings: OutputFinding[]
  /** Names that only guarded code uses: it shall see that they are not there. */
  hidden: string[]
  /** Names whose real thing is replaced. */
  replaced: string[]
  /** What is required at run time: builtins and host modules. */
  required: string[]
}

/** Checks a bundle before it runs: what it imports, and what it takes from the global object. */
export async function checkBundle(code: string, grants: ReadonlySet<string>): Promise<Verdict> {
  const { parse } = await import("@babel/parser")
  const file = parse(code, { sourceType: "module", attachComment: false, ranges: true, plugins: ["estree"] })
  const program = (file as unknown as { program: Node }).program
  const parents = readParents(program)
  const verdict: Verdict = { findings: [], hidden: [], replaced: [], required: [] }
  checkModules(program, grants, verdict)
  const { global, shim } = await analyze(program)
  checkRequires(shim, parents, grants, verdict)
  checkGlobals(global, parents, grants, verdict)
  return verdict
}

function checkModules(program: Node, grants: ReadonlySet<string>, verdict: Verdict): void {
  walk(program, (node) => {
    const position = node.loc.start
    const specifier = toText(node.source)
    if (specifier !== undefined && node.type !== "ImportExpression") {
      checkSpecifier(specifier, position, grants, verdict)
      checkNames(node, specifier, verdict)
    }
    if (node.type === "ImportExpression") {
      if (specifier !== undefined) checkSpecifier(specifier, position, grants, verdict)
      else report("import()", "imports what is not known before it runs", position, grants, verdict)
    }
    if (node.type === "MetaProperty" && isIdentifier(node.meta, "import")) {
      report("import.meta", 'uses "import.meta"', position, grants, verdict)
    }
  })
}

function checkSpecifier(specifier: string, position: Position, grants: ReadonlySet<string>, verdict: Verdict): void {
  if (specifier.startsWith("host:") && hostModuleNames.includes(specifier.slice(5))) return
  const name = toBuiltin(specifier) ?? specifier
  if (isGranted(name, grants)) return
  verdict.findings.push({ does: `imports "${name}"`, permission: permissionFor(name), position, specifier })
}

/** A namespace import gets an object without the withheld names; a named one would only fail later, without a reason. */
function checkNames(node: Node, specifier: string, verdict: Verdict): void {
  const without = withheld[specifier.slice(5)] ?? []
  for (const one of (node.specifiers as Node[] | undefined) ?? []) {
    const imported = (one.imported ?? (node.type === "ExportNamedDeclaration" ? one.local : undefined)) as
      | Node
      | undefined
    const name = (imported?.name ?? toText(imported)) as string | undefined
    if (!name || !without.includes(name)) continue
    const does = `imports "${name}" of "${specifier.slice(5)}", which the host does not give to plugins`
    verdict.findings.push({ does, position: one.loc.start })
  }
}

/** The bundler turns every `require` that it leaves to run time into a use of its shim. */
function checkRequires(shim: Node[], parents: Parents, grants: ReadonlySet<string>, verdict: Verdict): void {
  for (const node of shim) {
    const parent = parents.get(node)
    const called = parent?.type === "CallExpression" && parent.callee === node
    const specifier = called ? toText((parent.arguments as Node[])[0]) : undefined
    if (specifier === undefined) {
      report("require", 'uses "require" for what is not known before it runs', node.loc.start, grants, verdict)
      continue
    }
    checkSpecifier(specifier, node.loc.start, grants, verdict)
    if (!verdict.required.includes(specifier)) verdict.required.push(specifier)
  }
}

function checkGlobals(global: Scope, parents: Parents, grants: ReadonlySet<string>, verdict: Verdict): void {
  const [hidden, replaced] = [new Set<string>(), new Set<string>()]
  for (const reference of global.through) {
    const node = reference.identifier as unknown as Node
    const name = node.name as string
    const position = node.loc.start
    // code that asks first, or tries, is written for names that are not there
    const asks =
      isTypeof(node, parents) || isGuarded(node, parents) || (!(name in globalThis) && isTried(node, parents))
    if (reference.isWrite() && (!asks || isFree(name)))
      report(name, `changes the global "${name}"`, position, grants, verdict)
    else if ((timerNames as readonly string[]).includes(name)) replaced.add(name)
    else if (isGranted(name, grants) || isFree(name)) continue
    else if (name === "Function") {
      const made = toMadeCode(node, parents)
      const does = 'makes code with "Function"'
      if (made) verdict.findings.push({ does, permission: permissionFor(name), position, own: made === "computed" })
      replaced.add(name)
    } else if (name === "console" || (globalNames as readonly string[]).includes(name)) replaced.add(name)
    else if (asks) hidden.add(name)
    else {
      // a slip of the pen, most often: no one should be sent to grant it
      const nowhere = name in globalThis || name === "require" ? "" : ", which is declared nowhere"
      report(name, `uses "${name}"${nowhere}`, position, grants, verdict)
    }
  }
  verdict.hidden = [...hidden].sort()
  verdict.replaced = [...replaced].sort()
}

/**
 * `Function("…")` or `new Function(…)`; nothing for the old way to the global object, which the shadow answers. `Function(x)`
 * with what is known only as it runs is in lodash's `template`: the shadow throws there.
 */
function toMadeCode(node: Node, parents: Parents): "literal" | "computed" | undefined {
  const parent = parents.get(node)
  if (parent?.callee !== node) return undefined
  const source = (parent.arguments as Node[]).map(toText)
  if (isReturnThis(source)) return undefined
  return parent.type === "NewExpression" || source.every((text) => text !== undefined) ? "literal" : "computed"
}

function report(name: string, does: string, position: Position, grants: ReadonlySet<string>, verdict: Verdict): void {
  if (!isGranted(name, grants)) verdict.findings.push({ does, permission: permissionFor(name), position })
}

/** The references that nothing in the file declares, and those to the bundler's own `require`. */
async function analyze(program: Node): Promise<{ global: Scope; shim: Node[] }> {
  const { analyze } = await import("eslint-scope")
  const manager = analyze(program as never, { ecmaVersion: 2022, sourceType: "module", ignoreEval: true })
  const global = manager.globalScope as Scope
  const shims = (global.childScopes[0]?.variables ?? []).filter((variable) => {
    const made = variable.defs[0]?.node as unknown as Node | undefined
    // the bundler numbers names that a plugin has as well
    return /^__require\d*$/.test(variable.name) && made && isShim(made)
  })
  const references = shims.flatMap((variable) => variable.references).filter((one) => !one.init)
  return { global, shim: references.map((one) => one.identifier as unknown as Node) }
}

function isShim(declaration: Node): boolean {
  let found = false
  walk(declaration, (node) => {
    found ||= toText(node) === 'Dynamic require of "'
  })
  return found
}
