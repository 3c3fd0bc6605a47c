import { existsSync } from "node:fs"
import { type Browser, chromium } from "playwright-core"

const places = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]

/** A real browser of this machine, where there is one. */
export const browserPath = places.find((path) => path !== undefined && existsSync(path))

if (!browserPath)
  console.warn("No browser is installed: the tests that need one are SKIPPED (Debian: apt-get install chromium)")

/** Everything that a browser fetches for itself is off, so that whatever it asks for comes from our page. */
export function openBrowser(): Promise<Browser> {
  if (!browserPath) throw new Error("No browser is installed")
  return chromium.launch({ executablePath: browserPath, args: flags })
}

const flags = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
]
