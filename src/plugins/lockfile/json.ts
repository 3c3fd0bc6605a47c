import { type Node, type ParseError, parseTree, printParseErrorCode } from "jsonc-parser"

/** Keys, and places in lists as text: `["plugins", "a", "permissions", "0"]`. */
export type Path = string[]

type Place = { key: number; value: number }

/** A mistake in the text: `path` leads to it, offset is where it is. */
export type TextProblem = { path: Path; offset: number; message: string }

export type JsonText = {
  /** What the text says as far as it can be read; nothing where there is no sense in looking on. */
  value: unknown
  problems: TextProblem[]
  /** Where the value at a path is, or the key of it; of something missing, where it should be. */
  locate(path: Path, what: "key" | "value"): number
}

const maxDepth = 20

/** Reads strict JSON and says where things are: comments, trailing commas and keys given twice are mistakes. */
export function readJsonText(text: string): JsonText {
  const tooDeep = findDepth(text)
  if (tooDeep >= 0) return failed({ offset: tooDeep, message: `it is nested deeper than ${maxDepth} levels` })
  const errors: ParseError[] = []
  const root = parseTree(text, errors, { disallowComments: true, allowTrailingComma: false, allowEmptyContent: false })
  const problems = [...new Map(errors.map((error) => explain(text, error)).map((each) => [each.offset, each])).values()]
  const hard = problems.find(({ soft }) => !soft)
  if (!root || hard) return failed(hard ?? { offset: 0, message: "it is no JSON" })
  const places = new Map<string, Place>()
  const twice = [...readPlaces(root, [], root.offset, places)]
  return {
    value: toValue(root),
    problems: [...problems, ...twice],
    locate(path, what) {
      const place = places.get(JSON.stringify(path))
      if (place) return place[what]
      return path.length === 0 ? root.offset : this.locate(path.slice(0, -1), "value")
    },
  }
}

function failed(problem: Pick<TextProblem, "offset" | "message">): JsonText {
  return { value: undefined, problems: [{ path: [], ...problem }], locate: () => problem.offset }
}

/** Soft mistakes leave no doubt what was meant, so that reading goes on after them. */
function explain(text: string, { error, offset, length }: ParseError): TextProblem & { soft: boolean } {
  const code = printParseErrorCode(error)
  const path: TextProblem["path"] = []
  if (code === "InvalidCommentToken") return { path, offset, message: "JSON has no comments", soft: true }
  const comma = findComma(text, offset)
  if (comma >= 0 && /[}\]]/.test(text[offset] ?? "")) {
    return { path, offset: comma, message: "JSON has no trailing commas", soft: true }
  }
  const found = text.slice(offset, offset + Math.min(length, 20))
  const words = code.replace(/(?<=[a-z])(?=[A-Z])/g, " ").toLowerCase()
  const message = `it is no JSON here: ${words}${found ? `, found ${JSON.stringify(found)}` : ""}`
  return { path, offset, message, soft: false }
}

/** Fills in where everything is, and gives the keys that are there twice; of those the last one counts. */
function* readPlaces(node: Node, path: Path, key: number, places: Map<string, Place>): Generator<TextProblem> {
  places.set(JSON.stringify(path), { key, value: node.offset })
  const seen = new Set<unknown>()
  for (const [at, child] of (node.children ?? []).entries()) {
    if (node.type !== "object") {
      yield* readPlaces(child, [...path, String(at)], child.offset, places)
      continue
    }
    const [name, value] = child.children ?? []
    const inner = [...path, String(name?.value)]
    if (seen.has(name?.value)) yield { path: inner, offset: child.offset, message: "is there twice" }
    seen.add(name?.value)
    if (value) yield* readPlaces(value, inner, child.offset, places)
  }
}

/** Not jsonc-parser's own: it assigns keys, and `__proto__` would vanish. */
function toValue(node: Node): unknown {
  if (node.type === "array") return (node.children ?? []).map(toValue)
  if (node.type !== "object") return node.value
  const pairs = (node.children ?? []).map(({ children: [key, value] = [] }) => [key?.value, value && toValue(value)])
  return Object.fromEntries(pairs)
}

/** Where the text is nested too deep for a parser that calls itself, or -1. */
function findDepth(text: string): number {
  let depth = 0
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (quoted && code === 92) at++
    else if (code === 34) quoted = !quoted
    else if (quoted) continue
    else if (code === 123 || code === 91) {
      if (++depth > maxDepth) return at
    } else if (code === 125 || code === 93) depth--
  }
  return -1
}

/** Where the comma is that comes right before an offset, or -1. */
function findComma(text: string, offset: number): number {
  let at = offset - 1
  while (at >= 0 && /\s/.test(text.charAt(at))) at--
  return text[at] === "," ? at : -1
}
