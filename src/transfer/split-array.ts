import { refuseFile } from "./refuse-file.ts"

/** The texts of an array's elements, each as soon as it is whole: an array may be too long to be held. */
export async function* splitArray(pieces: AsyncIterable<string>, longest: number): AsyncIterable<string> {
  let state: "before" | "first" | "element" | "next" | "after" = "before"
  let depth = 0
  let inString = false
  let isEscaped = false
  let element = ""

  for await (const piece of pieces) {
    let from = 0
    for (let at = 0; at < piece.length; at++) {
      const code = piece.charCodeAt(at)
      if (state === "element") {
        if (inString) {
          if (isEscaped) isEscaped = false
          else if (code === BACKSLASH) isEscaped = true
          else if (code === QUOTE) inString = false
        } else if (code === QUOTE) inString = true
        else if (code === OPEN_OBJECT || code === OPEN_ARRAY) depth++
        else if (depth > 0 && (code === CLOSE_OBJECT || code === CLOSE_ARRAY)) depth--
        else if (depth === 0 && (code === COMMA || code === CLOSE_ARRAY)) {
          yield element + piece.slice(from, at)
          element = ""
          state = code === COMMA ? "next" : "after"
        }
        continue
      }
      if (isSpace(code) || (code === BYTE_ORDER_MARK && state === "before")) continue
      if (state === "before" && code === OPEN_ARRAY) state = "first"
      else if (state === "first" && code === CLOSE_ARRAY) state = "after"
      else if (state === "first" || state === "next") {
        state = "element"
        from = at
        at--
      } else if (state === "before") throw refuseFile(`it begins with "${piece[at]}", wanted an array: "["`)
      else throw refuseFile("there is more behind the end of the array")
    }
    if (state !== "element") continue
    element += piece.slice(from)
    if (element.length > longest)
      throw refuseFile(`an element has more than ${longest} characters; is there a quote too many?`)
  }
  if (state === "before") throw refuseFile("it is empty, wanted an array")
  if (state !== "after") throw refuseFile('it ends within the array, wanted "]"')
}

const QUOTE = 0x22
const COMMA = 0x2c
const OPEN_ARRAY = 0x5b
const BACKSLASH = 0x5c
const CLOSE_ARRAY = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const BYTE_ORDER_MARK = 0xfeff

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09
}
