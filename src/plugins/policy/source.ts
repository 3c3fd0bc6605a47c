import type { ParserOptions } from "@babel/parser"
import { isGranted, permissionFor } from "./names.ts"
import { isIdentifier, isNode, type Node, type Position, toPlace, toText, walk } from "./tree.ts"

/** Something that a plugin uses and was not granted. */
export type Finding = {
  /** `node_modules/ms/index.js:3:1`, as people count. */
  place: string
  /** `imports "node:fs"` */
  does: string
  /** What would let it; nothing where nothing does. */
  permission?: string
}

/** One import of a source, whatever its spelling. */
export type SourceImport = {
  specifier: string
  position: Position
  kind: "import" | "require" | "dynamic"
  attributes: Node[]
  node: Node
}

/** What a look at a source found: what breaks the policy, and which imports ask for another kind of file. */
export type SourceVerdict = { findings: Finding[]; types: ReadonlyMap<string, string> }

/**
 * Looks at a source before it reaches the bundler, which runs macros while it bundles: `import … with { type: "macro" }`.
 * Only what can hold an attribute is parsed: the keyword cannot be written with escapes, a `macro:` specifier can.
 */
export async function checkSource(file: string, text: string, grants: ReadonlySet<string>): Promise<SourceVerdict> {
  if (!/\b(?:with|assert|defer|source)\b|macro|\\/.test(text)) return { findings: [], types: new Map() }
  const tree = await parseSourceText(file, text)
  const imports = findImports(tree)
  const findings = imports.flatMap((found) => checkImport(file, found, grants))
  const unclear = findUnclear(tree)
  // what our parser only guessed at, the bundler may read as an import
  if (unclear && findings.length === 0) throw unclear
  const typed = imports.flatMap(({ specifier, attributes }) =>
    attributes.map((one) => [specifier, toText(one.value) ?? ""] as const),
  )
  return { findings, types: new Map(typed) }
}

function checkImport(file: string, found: SourceImport, grants: ReadonlySet<string>): Finding[] {
  const place = toPlace(file, found.position)
  const findings: Finding[] = []
  if (/^macro:/i.test(found.specifier))
    findings.push({ place, does: `imports the macro "${found.specifier}", which would run while it is bundled` })
  if (typeof found.node.phase === "string")
    findings.push({ place, does: `imports "${found.specifier}" in the phase "${found.node.phase}"` })
  for (const attribute of found.attributes) {
    const [key, value] = [toKey(attribute.key), toText(attribute.value)]
    if (key === "type" && value === "json") continue
    const spelled =
      key && value !== undefined ? `with { ${key}: "${value}" }` : "with attributes that are not plain text"
    const does = `imports "${found.specifier}" ${spelled}`
    const name = `with:${value}`
    if (key !== "type" || value === undefined) findings.push({ place, does })
    else if (value === "macro") findings.push({ place, does: `${does}, which would run while it is bundled` })
    else if (!isGranted(name, grants)) findings.push({ place, does, permission: permissionFor(name) })
  }
  return findings
}

/** Every import of a source by a real parser. @throws SyntaxError with `loc` */
export async function readImports(file: string, text: string): Promise<SourceImport[]> {
  return findImports(await parseSourceText(file, text))
}

function findImports(tree: Node): SourceImport[] {
  const found: SourceImport[] = []
  walk(tree, (node) => {
    const made = toImport(node)
    if (made) found.push(made)
  })
  return found
}

/**
 * Babel's tree; what is no module (sloppy scripts, as packages of old are) is read as a script. Where neither reads all of
 * it, `errors` has what was passed over.
 */
export async function parseSourceText(file: string, text: string): Promise<Node> {
  const { parse } = await import("@babel/parser")
  const options: ParserOptions = {
    errorRecovery: true,
    attachComment: false,
    allowReturnOutsideFunction: true,
    allowAwaitOutsideFunction: true,
    allowNewTargetOutsideFunction: true,
    allowSuperOutsideMethod: true,
    allowUndeclaredExports: true,
    plugins: toSyntax(file),
  }
  // older spelling of "with", which the bundler takes as well; of one length, so that places stay
  const spelled = text.replace(/(["'])(\s*)\bassert(\s*\{)/g, "$1$2with  $3")
  const read = (sourceType: "module" | "script"): Node | SyntaxError => {
    try {
      return parse(spelled, { ...options, sourceType }) as unknown as Node
    } catch (error) {
      if (error instanceof SyntaxError) return error
      throw error
    }
  }
  const module = read("module")
  if (isNode(module) && !findUnclear(module)) return module
  const script = read("script")
  if (isNode(script) && !(isNode(module) && findUnclear(script))) return script
  if (isNode(module)) return module
  throw module
}

/** What the parser passed over. */
function findUnclear(tree: Node): unknown {
  return (tree.errors as unknown[] | undefined)?.[0]
}

/** As the bundler reads it: what does not say that it is JavaScript is taken as TypeScript. */
function toSyntax(file: string): NonNullable<ParserOptions["plugins"]> {
  const phases = ["deferredImportEvaluation", "sourcePhaseImports", "decorators-legacy"] as const
  const [, ending = ""] = /\.([a-z]+)(?:[?#].*)?$/.exec(file) ?? []
  if (["js", "mjs", "cjs"].includes(ending)) return [...phases]
  if (ending === "jsx") return [...phases, "jsx"]
  return ending === "tsx" ? [...phases, "typescript", "jsx"] : [...phases, "typescript"]
}

function toImport(node: Node): SourceImport | undefined {
  const position = node.loc.start
  switch (node.type) {
    case "ImportDeclaration":
    case "ExportNamedDeclaration":
    case "ExportAllDeclaration": {
      const specifier = toText(node.source)
      if (specifier === undefined || isTypeOnly(node)) return undefined
      return { specifier, position, kind: "import", attributes: (node.attributes as Node[] | undefined) ?? [], node }
    }
    case "ImportExpression": {
      const attributes = isNode(node.options) ? toAttributes(node.options) : []
      return { specifier: toText(node.source) ?? "", position, kind: "dynamic", attributes, node }
    }
    case "TSImportEqualsDeclaration": {
      const reference = node.moduleReference as Node
      const specifier = toText(reference.expression)
      return specifier === undefined ? undefined : { specifier, position, kind: "require", attributes: [], node }
    }
    case "CallExpression": {
      if (!isIdentifier(node.callee, "require")) return undefined
      const specifier = toText((node.arguments as Node[])[0])
      return specifier === undefined ? undefined : { specifier, position, kind: "require", attributes: [], node }
    }
  }
}

/** `import type`, and declarations whose every name is marked `type`. */
function isTypeOnly(node: Node): boolean {
  if (node.importKind === "type" || node.exportKind === "type") return true
  const specifiers = (node.specifiers as Node[] | undefined) ?? []
  return specifiers.length > 0 && specifiers.every((one) => one.importKind === "type" || one.exportKind === "type")
}

/** Of `import(x, { with: { type: "json" } })`; what is not written out counts as one attribute that no one can read. */
function toAttributes(options: Node): Node[] {
  const outer = toProperties(options)
  return outer?.flatMap((one) => toProperties(one.value) ?? [options]) ?? [options]
}

function toProperties(node: unknown): Node[] | undefined {
  if (!isNode(node) || node.type !== "ObjectExpression") return undefined
  const properties = node.properties as Node[]
  return properties.every((one) => one.type === "ObjectProperty" && !one.computed) ? properties : undefined
}

function toKey(node: unknown): string | undefined {
  return isNode(node) && node.type === "Identifier" ? (node.name as string) : toText(node)
}
