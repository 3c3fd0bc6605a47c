/** A node of a syntax tree, as far as the policy looks at it. */
export type Node = {
  type: string
  start: number
  end: number
  loc: { start: Position; end: Position }
  [key: string]: unknown
}

/** `line` from 1, `column` from 0. */
export type Position = { line: number; column: number }

/** Calls `visit` with every node, parents first; `false` leaves out what is below. */
export function walk(root: Node, visit: (node: Node, parent: Node | undefined) => unknown): void {
  const waiting: [Node, Node | undefined][] = [[root, undefined]]
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const [node, parent] = next
    if (visit(node, parent) === false) continue
    for (const child of childrenOf(node)) waiting.push([child, node])
  }
}

function childrenOf(node: Node): Node[] {
  const children: Node[] = []
  for (const key in node) {
    if (key === "loc" || key === "extra" || key === "errors" || key === "comments") continue
    const value = node[key]
    if (Array.isArray(value)) children.push(...value.filter(isNode))
    else if (isNode(value)) children.push(value)
  }
  return children.reverse()
}

export function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && typeof (value as Node).type === "string"
}

/** The text of a string literal or of a template without holes, in Babel's tree or ESTree. */
export function toText(node: unknown): string | undefined {
  if (!isNode(node)) return undefined
  if ((node.type === "StringLiteral" || node.type === "Literal") && typeof node.value === "string") return node.value
  if (node.type !== "TemplateLiteral") return undefined
  const quasis = node.quasis as { value: { cooked: string | null } }[]
  return quasis.length === 1 ? (quasis[0]?.value.cooked ?? undefined) : undefined
}

export function isIdentifier(node: unknown, name: string): node is Node {
  return isNode(node) && node.type === "Identifier" && node.name === name
}

/** A place as people read it: columns from 1. */
export function toPlace(file: string, position: Position): string {
  return `${file}:${position.line}:${position.column + 1}`
}
