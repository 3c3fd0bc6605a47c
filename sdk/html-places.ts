import { PluginError } from "./errors.ts"
import { isSafeAddress } from "./html-address.ts"

/** Where a value of a template stands. */
export type HtmlPlace =
  | { kind: "text" }
  /** In `<title>` and `<textarea>`, which hold no tags. */
  | { kind: "plain-text" }
  | { kind: "attribute" }
  /** At the start of an attribute that is an address. */
  | { kind: "address" }
  | { kind: "tag" }
  | { kind: "refused"; where: string }

const known = new WeakMap<TemplateStringsArray, readonly HtmlPlace[]>()

/** Read once for each template, whatever its values are. */
export function toPlaces(strings: TemplateStringsArray): readonly HtmlPlace[] {
  const places = known.get(strings)
  if (places) return places
  const read = readPlaces(strings)
  known.set(strings, read)
  return read
}

/** What the reader is inside of; `name`, `quote` and `value` are those of the attribute. */
type State = { in: Inside; tag: string; isEnd: boolean; name: string; quote: string; value: string }
/** Stands in `value` where the template has one. */
const gap = "\0"
type Inside =
  | "text"
  | "open"
  | "tag-name"
  | "tag"
  | "name"
  | "before-value"
  | "value"
  | "unquoted"
  | "comment"
  | "content"

function readPlaces(strings: TemplateStringsArray): HtmlPlace[] {
  const state: State = { in: "text", tag: "", isEnd: false, name: "", quote: "", value: "" }
  const places: HtmlPlace[] = []
  for (const [at, text] of strings.entries()) {
    readText(state, text)
    if (at === strings.length - 1) break
    places.push(toPlace(state))
    state.value += gap
    // "=" after it would be that of what it gives
    if (state.in === "tag") state.name = ""
  }
  if (state.in !== "text") throw invalid(`the template ends inside of ${whereOf(state)}`)
  return places
}

function readText(state: State, text: string): void {
  let at = 0
  while (at < text.length) at = step(state, text, at)
}

/** Takes what is at `at`, and says where it goes on. */
function step(state: State, text: string, at: number): number {
  const character = text[at] as string
  switch (state.in) {
    case "text":
      return stepText(state, text, at)
    case "open":
      return stepOpen(state, text, at)
    case "tag-name":
      if (/[\s/>]/.test(character)) return enterTag(state, at)
      state.tag += character.toLowerCase()
      return at + 1
    case "tag":
      return stepTag(state, character, at)
    case "name":
      if (/[\s/>=]/.test(character)) {
        state.in = "tag"
        return at
      }
      state.name += character.toLowerCase()
      return at + 1
    case "before-value":
      return stepBeforeValue(state, character, at)
    case "value":
      if (character === state.quote) Object.assign(state, { in: "tag", name: "" })
      else addToValue(state, character)
      return at + 1
    case "unquoted":
      if (/[\s>]/.test(character)) Object.assign(state, { in: "tag", name: "" })
      return /[\s>]/.test(character) ? at : at + 1
    case "comment":
      return stepComment(state, text, at)
    case "content":
      return stepContent(state, text, at)
  }
}

function stepText(state: State, text: string, at: number): number {
  const next = text.indexOf("<", at)
  if (next < 0) return text.length
  state.in = "open"
  return next + 1
}

/** After a `<`. */
function stepOpen(state: State, text: string, at: number): number {
  const [, sign = "", letter] = /^([/!?]?)([a-z])?/i.exec(text.slice(at)) ?? []
  if (text.startsWith("![CDATA[", at)) throw invalid('it has a "<![CDATA["')
  if (text.startsWith("!--", at)) {
    state.in = "comment"
    // so short a comment ends at once
    const short = /^!--(?:-?>)/.exec(text.slice(at))?.[0]
    if (short) state.in = "text"
    return at + (short?.length ?? 3)
  }
  if (sign === "/" && at + 1 === text.length) return refuseEnd(state)
  if (sign === "!" || sign === "?" || (sign === "/" && !letter)) return enterBogus(state, text, at)
  if (!letter) {
    state.in = "text"
    return at
  }
  Object.assign(state, { in: "tag-name", tag: "", isEnd: sign === "/" })
  return at + sign.length
}

function refuseEnd(state: State): number {
  Object.assign(state, { in: "tag-name", tag: "", isEnd: true })
  return Number.POSITIVE_INFINITY
}

/** A doctype, and what browsers take for a comment: up to the next `>`. */
function enterBogus(state: State, text: string, at: number): number {
  const end = text.indexOf(">", at)
  if (end < 0) throw invalid(`a "<${text[at]}" has no end before the next value`)
  state.in = "text"
  return end + 1
}

function enterTag(state: State, at: number): number {
  Object.assign(state, { in: "tag", name: "" })
  return at
}

function stepTag(state: State, character: string, at: number): number {
  if (character === ">") {
    const content = state.isEnd ? undefined : contents[state.tag]
    if (content === "plaintext") throw invalid('"<plaintext>" has no end')
    state.in = content ? "content" : "text"
  } else if (character === "=" && state.name !== "") state.in = "before-value"
  else if (character === "/") state.name = ""
  else if (!/\s/.test(character)) Object.assign(state, { in: "name", name: character.toLowerCase() })
  return at + 1
}

function stepBeforeValue(state: State, character: string, at: number): number {
  if (/\s/.test(character)) return at + 1
  if (character === '"' || character === "'") Object.assign(state, { in: "value", quote: character, value: "" })
  else if (character === ">") {
    state.in = "tag"
    return at
  } else state.in = "unquoted"
  return at + 1
}

function addToValue(state: State, character: string): void {
  state.value += character
  if (character !== ":" || !addresses.has(state.name) || /[/?#]/.test(state.value)) return
  if (state.value.includes(gap)) throw invalid(`the scheme of the address in "${state.name}" must be in the template`)
}

function stepComment(state: State, text: string, at: number): number {
  const end = /--!?>/.exec(text.slice(at))
  if (!end) return text.length
  state.in = "text"
  return at + end.index + end[0].length
}

/** Of an element that holds no tags: up to its own end. */
function stepContent(state: State, text: string, at: number): number {
  const end = new RegExp(`</(?=${state.tag}[\\s/>])`, "i").exec(text.slice(at))
  const content = text.slice(at, end ? at + end.index : undefined)
  if (contents[state.tag] === "text" && /<(?:[a-z!?/]|$)/i.test(content))
    throw invalid(`a "<${state.tag}>" has a tag in it`)
  // a browser would not end the script at its first end tag
  if (state.tag === "script" && content.includes("<!--")) throw invalid('a "<script>" has a "<!--" in it')
  if (!end) return text.length
  Object.assign(state, { in: "tag-name", tag: "", isEnd: true })
  return at + end.index + 2
}

function toPlace(state: State): HtmlPlace {
  switch (state.in) {
    case "text":
      return { kind: "text" }
    case "tag":
      // after an attribute's name, a value would be taken for more of it
      return { kind: "tag" }
    case "content":
      return contents[state.tag] === "text" ? { kind: "plain-text" } : refused(state)
    case "value":
      // "values" is a list of what "to" is one of
      if (/^on|^style$|^srcdoc$|^values$/.test(state.name)) return refused(state)
      if (!addresses.has(state.name) || /[/?#]/.test(state.value)) return { kind: "attribute" }
      if (!state.value.includes(":")) return { kind: "address" }
      return isSafeAddress(state.value) ? { kind: "attribute" } : refused(state)
    default:
      return refused(state)
  }
}

function refused(state: State): HtmlPlace {
  return { kind: "refused", where: `in ${whereOf(state)}` }
}

function whereOf(state: State): string {
  if (state.in === "content") return `a "<${state.tag}>"`
  if (state.in === "comment") return "a comment"
  if (state.in === "value") return `the attribute "${state.name}"`
  if (state.in === "before-value" || state.in === "unquoted")
    return `the attribute "${state.name}", which has no quotes`
  return "the name of a tag or an attribute"
}

/** Elements that hold no tags, and whether escaped text is text in them. */
const contents: Record<string, "code" | "text" | "plaintext"> = {
  script: "code",
  style: "code",
  xmp: "code",
  iframe: "code",
  noembed: "code",
  noframes: "code",
  noscript: "code",
  title: "text",
  textarea: "text",
  plaintext: "plaintext",
}

const addresses = new Set([
  "href",
  "src",
  "action",
  "formaction",
  "poster",
  "cite",
  "background",
  "data",
  "manifest",
  "ping",
  "xlink:href",
  // what an animation of SVG may put into an address
  "by",
  "from",
  "to",
])

function invalid(problem: string): PluginError {
  return new PluginError(`Cannot make HTML: ${problem}`, { code: "HTML_INVALID" })
}
