import { describe, expect, test } from "bun:test"
import { PagodaError } from "../../src/errors.ts"
import { findSourceProblem, parseSource, parseSourceRequest, toSourceText } from "../../src/plugins/source.ts"

const commit = "0123456789abcdef0123456789abcdef01234567"

function messageOf(parse: () => unknown): string {
  try {
    parse()
  } catch (error) {
    expect(error).toBeInstanceOf(PagodaError)
    expect((error as PagodaError).code).toBe("SOURCE_INVALID")
    return (error as PagodaError).message
  }
  throw new Error("the source was accepted")
}

describe("parseSource() takes", () => {
  test.each([
    ["npm:ms@2.1.3", { kind: "npm", name: "ms", version: "2.1.3" }],
    ["npm:@acme/x.y@1.0.0-beta.1", { kind: "npm", name: "@acme/x.y", version: "1.0.0-beta.1" }],
    [`git+https://h/o/r.git#${commit}`, { kind: "git", url: "https://h/o/r.git", commit, path: "" }],
    [`git+https://h/r#${commit}&path:/a/b`, { kind: "git", url: "https://h/r", commit, path: "/a/b" }],
    [`git+ssh://git@h:22/o/r.git#${commit}`, { kind: "git", url: "ssh://git@h:22/o/r.git", commit, path: "" }],
    [`git+file:///srv/r.git#${commit}`, { kind: "git", url: "file:///srv/r.git", commit, path: "" }],
    [`git+http://127.0.0.1:99/r#${commit}`, { kind: "git", url: "http://127.0.0.1:99/r", commit, path: "" }],
    ["https://h/mod.ts?v=1", { kind: "url", url: "https://h/mod.ts?v=1" }],
    ["http://localhost:8000/mod.ts", { kind: "url", url: "http://localhost:8000/mod.ts" }],
    ["file:plugins/x", { kind: "file", path: "plugins/x" }],
    ["file:../my plugin.ts", { kind: "file", path: "../my plugin.ts" }],
    ["file:/srv/x", { kind: "file", path: "/srv/x" }],
  ] as const)("%s, and it is written the same", (text, source) => {
    expect(parseSource(text)).toEqual(source)
    expect(toSourceText(parseSource(text))).toBe(text)
    expect(findSourceProblem(text)).toBeUndefined()
  })
})

const inexact: [string, string][] = [
  ["npm:ms", 'it names no version, wanted "npm:ms@<exact version>"'],
  ["npm:ms@^2.0.0", '"^2.0.0" is no exact version'],
  ["npm:ms@latest", '"latest" is no exact version'],
  ["npm:ms@1.2", '"1.2" is no exact version'],
  ["npm:ms@1.2.3 ", '"1.2.3 " is no exact version'],
  ["npm:ms@01.2.3", '"01.2.3" is no exact version'],
  [`git+https://h/r#main`, '"main" is no commit'],
  ["git+https://h/r", "it names no commit"],
  [`git+https://h/r#${commit}${commit.slice(0, 24)}`, "SHA-256"],
  [`git+https://h/r#${commit.toUpperCase()}`, "is no commit"],
  ["./x", "wanted"],
  ["/x", "wanted"],
]

const wrong: [string, string][] = [
  ["", "it is empty"],
  ["ms", 'wanted "npm:ms" or "file:ms"'],
  ["npm:", "it names no package"],
  ["npm:@a@1.0.0", '"@a" is no name'],
  ["npm:../x@1.0.0", '"../x" is no name'],
  ["npm:ms@", 'no version after the "@"'],
  ["npm:ms@file:../x", "is no version, range or tag"],
  ["git+ftp://h/r#main", '"ftp:" is not allowed'],
  ["git+ext::sh -c x", "white space"],
  ["git+ext://h/r#main", '"ext:" is not allowed'],
  ["git+http://h/r#main", "for loopback only"],
  ["git+https://h#main", "it names no repository"],
  ["git+https://u:hunter2@h/r#main", "credentials"],
  ["git+https://hunter2@h/r#main", "credentials"],
  ["git+ssh://git@h:o/r#main", 'wanted "/" in place of ":"'],
  ["git+ssh://-oProxyCommand=x/r#main", "it names no host"],
  ["git+file://srv/r#main", "three slashes"],
  ["git+https://h/r#--upload-pack=x", "is no name of a commit"],
  ["git+https://h/r#a..b", "is no name of a commit"],
  ["git+https://h/r#semver:^1", "is a range"],
  ["git+https://h/r#", 'after the "#"'],
  [`git+https://h/r#${commit}&path:/../x`, "is not clean"],
  [`git+https://h/r#${commit}&path:/a//b`, "is not clean"],
  [`git+https://h/r#${commit}&path:/a/`, "is not clean"],
  [`git+https://h/r#${commit}&path:a`, 'does not begin with "/"'],
  [`git+https://h/r#${commit}&path:/`, "leave it out"],
  [`git+https://h/r#${commit}&depth:1`, '"&depth:1" is unknown'],
  [`git+https://h/r#${commit}&path:/a&path:/b`, "is one too many"],
  ["http://h/mod.ts", "for loopback only"],
  ["http://127.0.0.1.evil.example/mod.ts", "for loopback only"],
  ["https://u:hunter2@h/mod.ts", "credentials"],
  ["https://h/mod.ts#x", 'the fragment "#x"'],
  ["https://h/r.git", "looks like a git repository"],
  ["https://", "it is no URL"],
  ["file:", "it has no path"],
  ["file:///srv/x", 'wanted "file:/srv/x"'],
  ["file:a\\b", '"\\"'],
  ["file:a\nb", "control character"],
  ["npm:ms@1.0.0\u0000", "control character"],
  ["github:o/r", "git+https://"],
  ["git@h:o/r.git", 'wanted "git+ssh://git@h/o/r.git"'],
  ["jsr:@std/x@1.0.0", '"jsr:" is no source'],
  ["ssh://git@h/r", "git+ssh://"],
  ["data:text/javascript,1", '"data:" is no source'],
]

describe("parseSource() says what was wanted in place of", () => {
  test.each([...inexact, ...wrong])("%j", (text, wanted) => {
    const message = messageOf(() => parseSource(text))
    expect(message).toContain(wanted)
    expect(message).not.toContain("hunter2")
    expect(findSourceProblem(text)).toBeString()
  })
})

describe("parseSourceRequest()", () => {
  test.each([
    ["npm:ms", { kind: "npm", name: "ms", range: "latest" }],
    ["npm:ms@^2.0.0", { kind: "npm", name: "ms", range: "^2.0.0" }],
    ["npm:@a/b@next", { kind: "npm", name: "@a/b", range: "next" }],
    ["npm:ms@>=1 <2", { kind: "npm", name: "ms", range: ">=1 <2" }],
    ["git+https://h/r", { kind: "git", url: "https://h/r", ref: "HEAD", path: "" }],
    ["git+https://h/r#v1.0.0&path:/a", { kind: "git", url: "https://h/r", ref: "v1.0.0", path: "/a" }],
    ["git+https://h/r#feature/x", { kind: "git", url: "https://h/r", ref: "feature/x", path: "" }],
    ["https://h/mod.ts", { kind: "url", url: "https://h/mod.ts" }],
    ["./x", { kind: "file", path: "./x" }],
    ["../x", { kind: "file", path: "../x" }],
    ["/srv/x", { kind: "file", path: "/srv/x" }],
    [".", { kind: "file", path: "." }],
    ["file:x", { kind: "file", path: "x" }],
  ] as const)("reads %s", (text, request) => {
    expect(parseSourceRequest(text)).toEqual(request)
  })

  test.each(wrong)("refuses %j", (text, wanted) => {
    expect(messageOf(() => parseSourceRequest(text))).toContain(wanted)
  })
})
