import { rmSync } from "node:fs"
import { join } from "node:path"
import { $ } from "bun"

// The autoload flags are security: without them a bunfig.toml or .env in the working folder runs before our first line.
// typescript is dragged in by a dependency that never calls it here.
const flags = [
  "--compile --production --splitting --minify --bytecode --format=esm --external typescript",
  "--no-compile-autoload-bunfig --no-compile-autoload-dotenv",
]
  .join(" ")
  .split(" ")

const root = join(import.meta.dir, "..")
const outfile = process.argv[2] ?? join(root, "dist", "pagoda")
rmSync(outfile, { force: true })
await $`${process.execPath} build ${flags} ${join(root, "src", "main.ts")} --outfile ${outfile}`.cwd(root).quiet()
console.log(`built ${outfile} (${(Bun.file(outfile).size / 1e6).toFixed(0)} MB)`)
