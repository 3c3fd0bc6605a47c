import { describe, expect, test } from "bun:test"
import { type Html, html, PluginError, raw } from "@pagoda/sdk"
import fc from "fast-check"
import { nastyText } from "../support/nasty-text.ts"

const text = (made: Html) => made.toString()

describe("html`…`", () => {
  test("escapes text and quoted attributes", () => {
    const evil = `<script>"x" & 'y' \`z\`</script>`
    const safe = "&#60;script&#62;&#34;x&#34; &#38; &#39;y&#39; &#96;z&#96;&#60;/script&#62;"
    expect(text(html`<p title="${evil}" class='${evil}'>${evil}</p>`)).toBe(
      `<p title="${safe}" class='${safe}'>${safe}</p>`,
    )
    expect(text(html`<title>${evil}</title><textarea>a${evil}</textarea>`)).toBe(
      `<title>${safe}</title><textarea>a${safe}</textarea>`,
    )
  })

  test("takes html, lists, numbers and nothing", () => {
    const rows = ["a", "<b>"].map((name) => html`<li>${name}</li>`)
    expect(text(html`<ul>${rows}</ul>${1}${2n}${true}${null}${undefined}${false}${[]}${raw("<hr>")}`)).toBe(
      "<ul><li>a</li><li>&#60;b&#62;</li></ul>12true<hr>",
    )
    expect(text(html`<i title="${html`<b>`}"></i>`)).toBe(`<i title="&#60;b&#62;"></i>`)
    expect(text(html`<input ${true && raw("checked")} ${false} ${null}>`)).toBe("<input checked  >")
  })

  test("what only looks like html is text", () => {
    const forged = { toString: () => "<b>", toResponse: () => null }
    expect(() => html`<p>${forged}</p>`).toThrow('a value is of type "object"')
    expect(text(html`a < b, 1 <2, ${"<"}`)).toBe("a < b, 1 <2, &#60;")
  })

  test.each([
    ["https://a.example/?x=1&y=2", "https://a.example/?x=1&#38;y=2"],
    ["/plugins/p/a:b", "/plugins/p/a:b"],
    ["a?b:c", "a?b:c"],
    ["mailto:ada@example.com", "mailto:ada@example.com"],
    ["data:image/png;base64,AA", "data:image/png;base64,AA"],
    ["javascript:alert(1)", "about:invalid"],
    [" JaVa\tScript\n:alert(1)", "about:invalid"],
    ["\u0001javascript:alert(1)", "about:invalid"],
    ["vbscript:x", "about:invalid"],
    ["data:text/html,<script>", "about:invalid"],
    ["data:image/svg+xml,<svg>", "about:invalid"],
  ])("the address %p becomes %p", (address, safe) => {
    expect(text(html`<a href="${address}">x</a>`)).toBe(`<a href="${safe}">x</a>`)
  })

  test("what an animation writes into an address is one", () => {
    const animated = (to: string) => text(html`<svg><a><set attributeName="href" to="${to}"/></a></svg>`)
    expect(animated("javascript:alert(1)")).toContain('to="about:invalid"')
    expect(animated("#top")).toContain('to="#top"')
    expect(() => html`<animate attributeName="href" values="${"a;javascript:1"}">`).toThrow('the attribute "values"')
  })

  test("an address is put together without a scheme coming of it", () => {
    expect(text(html`<a href="/x/${"javascript:1"}">x</a>`)).toBe(`<a href="/x/javascript:1">x</a>`)
    expect(text(html`<a href="${"javascript"}${":1"}">x</a>`)).toBe(`<a href="javascriptabout:invalid">x</a>`)
    expect(text(html`<a href="https://${"a.example"}:${80}/">x</a>`)).toBe(`<a href="https://a.example:80/">x</a>`)
    expect(() => html`<a href="${"javascript"}:${1}">x</a>`).toThrow("must be in the template")
    expect(() => html`<a href="javascript:f('${1}')">x</a>`).toThrow('the attribute "href"')
  })

  const x = "x"
  test.each<[string, () => Html]>([
    ["which has no quotes", () => html`<a title=${x}>`],
    ["which has no quotes", () => html`<a title=a${x}>`],
    ['in the attribute "onclick"', () => html`<a onclick="f('${x}')">`],
    ['in the attribute "style"', () => html`<a STYLE='color: ${x}'>`],
    ['in the attribute "srcdoc"', () => html`<iframe srcdoc="${x}"></iframe>`],
    ['in a "<script>"', () => html`<script>let a = "${x}"</script>`],
    ['in a "<style>"', () => html`<STYLE>a { color: ${x} }</STYLE>`],
    ["in a comment", () => html`<!-- ${x} -->`],
    ["the name of a tag", () => html`<${x}>`],
    ["the name of a tag", () => html`<h${x}>`],
    ["the name of a tag", () => html`</${x}>`],
    ["the name of a tag", () => html`<a b${x}="1">`],
    ["the name of a tag", () => html`<a b/="${x}">`],
    ["the name of a tag", () => html`<a ="${x}">`],
    ["the name of a tag", () => html`<a b ${raw("c")}="${x}">`],
    ['made by "raw"', () => html`<a ${x}>`],
    ['made by "raw"', () => html`<a ${html`b`}>`],
    ['"<!" has no end', () => html`<!doctype ${x}>`],
    ['"<?" has no end', () => html`<?xml ${x}?>`],
    ["CDATA", () => html`<svg><![CDATA[ > ${x} ]]></svg>`],
    ["has a tag in it", () => html`<svg><title><b title="${x}"></b></title></svg>`],
    ["has a tag in it", () => html`<textarea></textarea${x}></textarea>`],
    ['has a "<!--" in it', () => html`<script><!-- <script></script> --></script>${x}`],
    ["ends inside of", () => html`<a href="${x}`],
    ["ends inside of", () => html`<script>`],
    ["ends inside of", () => html`<!-- x`],
    ["a promise; await it", () => html`<p>${Promise.resolve("x")}</p>`],
    ['type "function"', () => html`<p>${() => "x"}</p>`],
    ['type "symbol"', () => html`<p>${Symbol("x")}</p>`],
  ])("refuses a value %s", (problem, make) => {
    expect(make).toThrow(problem)
    expect(make).toThrow(PluginError)
  })

  test("no value brings in a tag or an attribute", () => {
    const pieces = [
      "<",
      ">",
      '"',
      "'",
      "`",
      "=",
      "/",
      "<!--",
      "-->",
      "</p>",
      "<script>",
      "onclick=",
      "&lt;",
      " ",
      "\n",
      "\0",
    ]
    const value = fc.oneof(nastyText, fc.string({ unit: fc.constantFrom(...pieces, "a", "b") }))
    fc.assert(
      fc.property(value, value, (one, two) => {
        const made = html`<!-- c --><p title="${one}${two}" class='${two}'>${one}<b>${[two, html`<i>${one}</i>`]}</b></p>
          <script>if (1 < 2) f("</p>")</script><title>${two}</title><a href="${one}" data-x="${two}">x</a>`
        expect(tagsOf(text(made))).toEqual(["p title class", "b", "i", "script", "title", "a href data-x"])
      }),
      { numRuns: 500 },
    )
  })
})

/** As an HTML parser of somebody else reads it. */
function tagsOf(page: string): string[] {
  const tags: string[] = []
  const element = (found: HTMLRewriterTypes.Element) => {
    tags.push([found.tagName, ...[...found.attributes].map(([name]) => name)].join(" "))
  }
  new HTMLRewriter().on("*", { element }).transform(page)
  return tags
}
