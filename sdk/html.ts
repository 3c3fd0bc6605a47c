import { PluginError } from "./errors.ts"
import { isSafeAddress } from "./html-address.ts"
import { type HtmlPlace, toPlaces } from "./html-places.ts"

/**
 * Text that is HTML already: what `html` and `raw` make. A page's handler returns it as it is, and it is answered as
 * `text/html`.
 */
export class Html {
  readonly #text: string
  readonly #isRaw: boolean

  /** @internal */
  constructor(text: string, isRaw: boolean) {
    this.#text = text
    this.#isRaw = isRaw
  }

  toString(): string {
    return this.#text
  }

  /** What Elysia answers with. */
  toResponse(): Response {
    return new Response(this.#text, { headers: { "content-type": "text/html;charset=utf-8" } })
  }

  /** @internal */
  static isRaw(value: unknown): value is Html {
    return value instanceof Html && value.#isRaw
  }
}

/**
 * Text of HTML in which every value is escaped for its place: between tags, or in an attribute that has quotes. There, a
 * value that is itself `html` stays as it is, lists are joined, and `null`, `undefined` and `false` are nothing. In the
 * attributes that hold an address, one that would run as a script becomes `about:invalid`.
 *
 * @example
 * pages: (app) =>
 *   app.get("/", ({ user }) => html`<!doctype html><title>Servers</title>
 *     <h1 title="${user.username}">Hello, ${user.username}!</h1>
 *     <ul>${servers.map((server) => html`<li><a href="${server.url}">${server.name}</a></li>`)}</ul>`),
 *
 * @throws `PluginError` with code `HTML_INVALID` for a value where no escaping makes it safe (an attribute without quotes, a
 *   `<script>`, a `<style>`, a comment, `on…`, `style`, `srcdoc` and `values` attributes, the name of a tag), for one that is
 *   no text, such as a promise, and where the template ends inside of a tag
 */
export function html(strings: TemplateStringsArray, ...values: unknown[]): Html {
  const places = toPlaces(strings)
  let text = strings[0] ?? ""
  for (const [at, value] of values.entries()) {
    text += fill(places[at] as HtmlPlace, value, strings[at] ?? "") + (strings[at + 1] ?? "")
  }
  return new Html(text, false)
}

/**
 * Trusts a text to be HTML. Never give it what somebody else wrote. Inside of a tag, it can be an attribute that is there
 * or not.
 *
 * @example html`<input type="checkbox" ${isOn && raw("checked")}>`
 */
export function raw(text: string): Html {
  return new Html(text, true)
}

function fill(place: HtmlPlace, value: unknown, before: string): string {
  switch (place.kind) {
    case "text":
      return toText(value, (one) => (one instanceof Html ? one.toString() : toEscaped(toPlain(one))))
    case "attribute":
    case "plain-text":
      return toText(value, (one) => toEscaped(toPlain(one)))
    case "address": {
      const address = toText(value, toPlain)
      return isSafeAddress(address) ? toEscaped(address) : "about:invalid"
    }
    case "tag":
      return toText(value, (one) => {
        if (Html.isRaw(one)) return one.toString()
        throw invalid(`a value in a tag, after ${excerpt(before)}, must be in a quoted attribute, or made by "raw"`)
      })
    case "refused":
      throw invalid(`no value can be ${place.where}, after ${excerpt(before)}`)
  }
}

function toText(value: unknown, toOne: (value: unknown) => string): string {
  if (value === null || value === undefined || value === false) return ""
  if (Array.isArray(value)) return value.map((one) => toText(one, toOne)).join("")
  return toOne(value)
}

function toPlain(value: unknown): string {
  if (typeof value === "string") return value
  if (typeof value === "number" || typeof value === "bigint" || value === true || value instanceof Html) {
    return String(value)
  }
  const is = value instanceof Promise ? "a promise; await it" : `of type "${typeof value}"; make it a text`
  throw invalid(`a value is ${is}`)
}

function toEscaped(text: string): string {
  return text.replace(/[&<>"'`]/g, (character) => `&#${character.charCodeAt(0)};`)
}

function excerpt(before: string): string {
  return JSON.stringify(before.slice(-30))
}

function invalid(problem: string): PluginError {
  return new PluginError(`Cannot make HTML: ${problem}`, { code: "HTML_INVALID" })
}
