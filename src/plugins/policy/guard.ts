import { isIdentifier, isNode, type Node, walk } from "./tree.ts"

export type Parents = ReadonlyMap<Node, Node | undefined>

export function readParents(root: Node): Parents {
  const parents = new Map<Node, Node | undefined>()
  walk(root, (node, parent) => void parents.set(node, parent))
  return parents
}

/** Whether this is the `X` of a `typeof X`. */
export function isTypeof(node: Node, parents: Parents): boolean {
  const parent = parents.get(node)
  return parent?.type === "UnaryExpression" && parent.operator === "typeof"
}

/**
 * Whether `typeof X` decides if this `X` is reached: `typeof X !== "undefined" && X.y`, `typeof X === "object" ? X : null`,
 * `if (typeof X !== "undefined") { X.y }`. Such a name is hidden in the bundle, so it does not matter how the test reads.
 */
export function isGuarded(node: Node, parents: Parents): boolean {
  const name = node.name as string
  for (let child = node, parent = parents.get(node); parent; child = parent, parent = parents.get(parent)) {
    const test = toTest(parent, child)
    if (test && testsType(test, name)) return true
  }
  return false
}

/** Whether this stands in a `try`, so that it was written for the case that the name is not there. */
export function isTried(node: Node, parents: Parents): boolean {
  for (let child = node, parent = parents.get(node); parent; child = parent, parent = parents.get(parent)) {
    if (parent.type === "TryStatement" && parent.block === child && isNode(parent.handler)) return true
    if (/Function/.test(parent.type)) return false
  }
  return false
}

/** What is decided before `child` of `parent` is reached. */
function toTest(parent: Node, child: Node): Node | undefined {
  if (parent.type === "LogicalExpression" && parent.right === child) return parent.left as Node
  if (parent.type !== "ConditionalExpression" && parent.type !== "IfStatement") return undefined
  return parent.test === child ? undefined : (parent.test as Node)
}

function testsType(test: Node, name: string): boolean {
  let found = false
  walk(test, (node) => {
    if (node.type === "UnaryExpression" && node.operator === "typeof" && isIdentifier(node.argument, name)) found = true
    return !found && isNode(node) && !/Function/.test(node.type)
  })
  return found
}
