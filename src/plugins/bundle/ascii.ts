import { isIdentifier, isNode, type Node, walk } from "../policy/tree.ts"

type Span = readonly [start: number, end: number]
type Edit = { line: number; column: number; added: number }

const marker = "//# sourceMappingURL=data:application/json;base64,"

/**
 * The same program in ASCII. The runtime reads what starts with "// @bun" as Latin-1, as its own bundler writes it for
 * itself; for a browser, which is what we ask it for, it writes UTF-8.
 */
export async function toAscii(code: string): Promise<string> {
  const end = code.lastIndexOf(marker)
  const body = code.slice(0, end)
  if (isAscii(body)) return code
  const { names, raws } = await findSpans(body)
  const edits: Edit[] = []
  let [line, lineStart] = [0, 0]
  const plain = body.replace(/\n|[^\p{ASCII}]/gu, (char, offset: number) => {
    if (char === "\n") {
      line++
      lineStart = offset + 1
      return char
    }
    const units = [...Array(char.length).keys()].map((at) => char.charCodeAt(at).toString(16).padStart(4, "0"))
    const escaped = units.map((unit) => `\\u${unit}`).join("")
    const inName = isWithin(offset, names) ? `\\u{${char.codePointAt(0)?.toString(16)}}` : escaped
    const written = isWithin(offset, raws) ? `\${"${escaped}"}` : inName
    edits.push({ line, column: offset - lineStart, added: written.length - char.length })
    return written
  })
  return plain + marker + (await moveColumns(code.slice(end + marker.length), edits))
}

function isAscii(text: string): boolean {
  return !/[^\p{ASCII}]/u.test(text)
}

function isWithin(offset: number, spans: readonly Span[]): boolean {
  return spans.some(([start, end]) => offset >= start && offset < end)
}

/** Escapes differ in names, and have no meaning in `String.raw`: there, the text goes in as a value. */
async function findSpans(body: string): Promise<{ names: Span[]; raws: Span[] }> {
  const { parse } = await import("@babel/parser")
  const file = parse(body, { sourceType: "module", attachComment: false, plugins: ["estree"] })
  const [names, raws]: [Span[], Span[]] = [[], []]
  const toSpan = ({ start, end }: Node): Span => [start, end]
  const foreign = (node: Node) => !isAscii(body.slice(node.start, node.end))
  walk((file as unknown as { program: Node }).program, (node) => {
    if (/^(?:Private)?Identifier$/.test(node.type) && foreign(node)) names.push(toSpan(node))
    if (node.type !== "TaggedTemplateExpression" || !isStringRaw(node.tag)) return
    raws.push(...((node.quasi as Node).quasis as Node[]).filter(foreign).map(toSpan))
  })
  return { names, raws }
}

function isStringRaw(tag: unknown): boolean {
  return (
    isNode(tag) &&
    tag.type === "MemberExpression" &&
    isIdentifier(tag.object, "String") &&
    isIdentifier(tag.property, "raw")
  )
}

/** What stands behind an escape has moved to the right. */
async function moveColumns(encoded: string, edits: readonly Edit[]): Promise<string> {
  const { TraceMap, decodedMappings, encodedMappings } = await import("@jridgewell/trace-mapping")
  const map = JSON.parse(Buffer.from(encoded, "base64").toString())
  const byLine = Map.groupBy(edits, ({ line }) => line)
  const moved = decodedMappings(new TraceMap(map)).map((segments, line) => {
    const before = byLine.get(line) ?? []
    return segments.map(([column, ...rest]) => {
      const added = before.filter((edit) => edit.column < column).reduce((sum, edit) => sum + edit.added, 0)
      return [column + added, ...rest] as (typeof segments)[number]
    })
  })
  const mappings = encodedMappings(new TraceMap({ ...map, mappings: moved }))
  return `${Buffer.from(JSON.stringify({ ...map, mappings })).toString("base64")}\n`
}
