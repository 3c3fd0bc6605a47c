import { existsSync, readdirSync, rmdirSync } from "node:fs"
import { mkdir, rename, rm, writeFile } from "node:fs/promises"
import { basename, dirname, join, relative, resolve } from "node:path"
import gitignore from "@pagoda/sdk/create/gitignore.txt" with { type: "text" }
import test from "@pagoda/sdk/create/plugin.test.ts.txt" with { type: "text" }
import plugin from "@pagoda/sdk/create/plugin.ts.txt" with { type: "text" }
import readme from "@pagoda/sdk/create/README.md.txt" with { type: "text" }
import tsconfig from "@pagoda/sdk/create/tsconfig.json.txt" with { type: "text" }
import { version } from "../config.ts"
import { PagodaError } from "../errors.ts"
import { idRule, isPluginId } from "../plugins/id.ts"
import type { Call } from "./command.ts"
import { print } from "./output.ts"

const prefix = "pagoda-plugin-"

/** All of the project or nothing: it is written beside, then renamed. */
export async function createProject({ args: [name = ""], flags }: Call): Promise<undefined> {
  const id = name.startsWith(prefix) ? name.slice(prefix.length) : name
  const folder = resolve(name)
  refuseName(name, id)
  refuseTaken(folder)
  const description = (flags.description as string | undefined) ?? "A plugin for Pagoda"
  const files = toFiles({ id, description, author: (flags.author as string | undefined) ?? "", folder })
  const beside = join(dirname(folder), `.${basename(folder)}.${crypto.randomUUID()}`)
  try {
    await mkdir(beside, { recursive: true })
    for (const [path, text] of Object.entries(files)) await writeFile(join(beside, path), text)
    // an empty one: what was put into it meanwhile stops this
    if (existsSync(folder)) rmdirSync(folder)
    await rename(beside, folder)
  } finally {
    await rm(beside, { recursive: true, force: true })
  }
  const shown = relative(process.cwd(), folder) || "."
  await print(`Made the plugin "${id}" in ${shown}: ${Object.keys(files).join(", ")}.`)
  await print(
    `Next: "cd ${shown}", "bun install", "bun test", "pagoda dev"; README.md there says how to check and publish it.`,
  )
}

function refuseName(name: string, id: string): void {
  if (isPluginId(id)) return
  throw new PagodaError("USAGE", `Cannot create the plugin "${name}": its id would be "${id}", wanted ${idRule}`)
}

function refuseTaken(folder: string): void {
  if (!existsSync(folder)) return
  try {
    if (readdirSync(folder).length === 0) return
  } catch (cause) {
    throw new PagodaError("USAGE", `Cannot create the plugin: "${folder}" is no folder`, { cause })
  }
  throw new PagodaError("USAGE", `Cannot create the plugin: the folder "${folder}" is not empty; choose another name`)
}

type Project = { id: string; description: string; author: string; folder: string }

function toFiles({ id, description, author, folder }: Project): Record<string, string> {
  const title = id.replace(/(?:^|[-_])(.)/g, (_, letter: string) => ` ${letter.toUpperCase()}`).trim()
  const texts = { id, title, description, package: prefix + id, number: toNumber(id) }
  const code = { ...texts, author, job: `${id.replace(/[-]/g, "_").toUpperCase()}_GREETINGS` }
  const literals = Object.fromEntries(
    Object.entries(code).map(([key, value]) => [key, typeof value === "string" ? JSON.stringify(value) : value]),
  )
  return {
    "package.json": `${JSON.stringify(toPackage({ id, description, author, folder }), null, 2)}\n`,
    "plugin.ts": fill(plugin, literals),
    "plugin.test.ts": fill(test, literals),
    "README.md": fill(readme, texts),
    "tsconfig.json": tsconfig,
    ".gitignore": gitignore,
  }
}

function fill(template: string, values: Record<string, string | number>): string {
  return template.replace(/\{\{(\w+)\}\}/g, (_, key: string) => String(values[key]))
}

/** Two new plugins seldom get one number, and the same one always gets the same. */
function toNumber(id: string): number {
  return 2000 + (Bun.hash.crc32(id) % 8000)
}

function toPackage({ id, description, author, folder }: Project): object {
  return {
    name: prefix + id,
    version: "0.1.0",
    description,
    ...(author && { author }),
    license: "MIT",
    keywords: ["pagoda-plugin"],
    type: "module",
    exports: "./plugin.ts",
    files: ["*.ts", "!*.test.ts", "static"],
    scripts: { test: "bun test", types: "tsc" },
    peerDependencies: { "@pagoda/sdk": `^${version}` },
    devDependencies: { ...toSdk(folder), "@types/bun": "^1.4.0", typescript: "^5.9.0" },
    pagoda: { id, permissions: ["jobs:create"], engines: { pagoda: ">=2.0.0 <3.0.0" } },
  }
}

/** Beside Pagoda's own source the SDK of that source is the one to work with; below it, it is found anyway. */
function toSdk(folder: string): Record<string, string> {
  const root = join(import.meta.dir, "../..")
  if (!existsSync(join(root, "sdk", "package.json"))) return { "@pagoda/sdk": `^${version}` }
  return relative(root, folder).startsWith("..") ? { "@pagoda/sdk": `file:${join(root, "sdk")}` } : {}
}
