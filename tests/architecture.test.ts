import { expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { Glob } from "bun"

const root = join(import.meta.dir, "..")

/** From the top down: a file imports from its own floor or from one below. */
const floors = [
  ["src/main.ts", "src/cli/"],
  ["src/host.ts", "src/data.ts", "src/data-dir.ts", "src/containment.ts"],
  ["src/http/"],
  ["src/transfer/", "src/plugins/"],
  ["src/jobs/", "src/core/"],
  ["src/db/"],
  ["src/config.ts", "src/issues.ts"],
  [
    "src/errors.ts",
    "src/log.ts",
    "src/progress.ts",
    "src/undo.ts",
    "src/lazily.ts",
    "src/on-demand.ts",
    "src/wait-at-most.ts",
    "src/event-id.ts",
    "src/suggestion.ts",
    "src/data-folder.ts",
    "src/username.ts",
    "src/metrics/",
  ],
]

/** Files that may be long, each with its reason. */
const longOnPurpose: Record<string, string> = {}

const sources = [...new Glob("{src,sdk}/**/*.ts").scanSync(root)].sort()

function importsOf(file: string, options = { types: true }): string[] {
  const all = readFileSync(join(root, file), "utf8")
  const text = options.types ? all : all.replace(/^(import|export) type [^"]*"[^"]*"/gm, "")
  const specifiers = [...text.matchAll(/(?:from\s+|import\s+|import\()"(\.[^"]+)"/g)].map((match) => match[1]!)
  return specifiers.map((specifier) => relative(root, join(root, dirname(file), specifier)))
}

function floorOf(file: string): number {
  return floors.findIndex((floor) =>
    floor.some((name) => file === name || (name.endsWith("/") && file.startsWith(name))),
  )
}

test("every source file has a floor", () => {
  expect(sources.filter((file) => file.startsWith("src/") && floorOf(file) === -1)).toEqual([])
})

test("imports point down", () => {
  const upward = sources
    .filter((file) => file.startsWith("src/"))
    .flatMap((file) =>
      importsOf(file)
        .filter((target) => target.startsWith("src/") && floorOf(target) < floorOf(file))
        .map((target) => `${file} imports ${target}`),
    )
  expect(upward).toEqual([])
})

test("the SDK imports nothing of the host, and the host takes the SDK by its name", () => {
  const across = sources.flatMap((file) =>
    importsOf(file)
      .filter((target) => target.startsWith("src/") !== file.startsWith("src/"))
      .map((target) => `${file} imports ${target}`),
  )
  expect(across.filter((line) => !/package\.json|schema\.json/.test(line))).toEqual([])
})

test("no two files import each other's values, however long the way round", () => {
  const circles: string[] = []
  const done = new Set<string>()
  const visit = (file: string, path: string[]) => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(" → "))
    else if (!done.has(file)) {
      for (const target of importsOf(file, { types: false }))
        if (sources.includes(target)) visit(target, [...path, file])
      done.add(file)
    }
  }
  for (const file of sources) visit(file, [])
  expect(circles).toEqual([])
})

test("files stay short", () => {
  const lines = sources.map((file) => ({ file, count: readFileSync(join(root, file), "utf8").split("\n").length - 1 }))
  const sorted = lines.map(({ count }) => count).sort((a, b) => a - b)
  expect(sorted[sorted.length >> 1]).toBeLessThanOrEqual(110)
  expect(lines.filter(({ file, count }) => count > 300 && !(file in longOnPurpose))).toEqual([])
})

test("the only barrel is the SDK's, and there is no drawer for odds and ends", () => {
  expect(sources.filter((file) => /(^|\/)index\.ts$/.test(file))).toEqual(["sdk/index.ts"])
  expect(sources.filter((file) => /(^|\/)(utils?|helpers?|types|common|misc)\.ts$/.test(file))).toEqual([])
})

test("only config.ts reads the environment", () => {
  const readers = sources.filter((file) => /(?<!")\b(process|Bun)\.env\b/.test(readFileSync(join(root, file), "utf8")))
  expect(readers.filter((file) => file !== "src/config.ts")).toEqual([])
})
