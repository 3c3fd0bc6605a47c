import type { PluginDefinition } from "@pagoda/sdk"
import type { AnyElysia } from "elysia"
import { type MountOptions, mountPart, pagesPrefix } from "./mount.ts"
import { createStatic } from "./static.ts"
import type { FileTree } from "./tree.ts"

/** Pages load nothing from elsewhere and are framed by nobody else, unless they say otherwise. */
const pagePolicy = [
  "default-src 'self'",
  "img-src 'self' data:",
  "style-src 'self' 'unsafe-inline'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'self'",
].join("; ")

/** The plugin's pages and the files of its folder `static`, on an app of their own. */
export function createPluginPages(definition: PluginDefinition, options: MountOptions, files: FileTree): AnyElysia {
  const prefix = pagesPrefix(definition.id)
  const serve = createStatic(files, `${prefix}/static/`)
  const app = mountPart(definition, options, {
    prefix,
    field: "pages",
    // before the plugin's own, so that its hooks do not run for each of its pictures
    prepare: (app) => void app.get("/static/*", ({ request }) => serve(request)),
  })
  const { fetch } = app
  Object.defineProperty(app, "fetch", {
    value: (request: Request) => {
      const answer = fetch(request)
      return answer instanceof Promise ? answer.then(protect) : protect(answer)
    },
    configurable: true,
    writable: true,
  })
  return app
}

function protect(response: Response): Response {
  // a socket that was upgraded has no response
  if (!response) return response
  const { headers } = response
  headers.set("x-content-type-options", "nosniff")
  if (isPage(response) && !headers.has("content-security-policy")) headers.set("content-security-policy", pagePolicy)
  return response
}

/** Whatever a browser runs scripts of. */
function isPage({ headers }: Response): boolean {
  return /^[^;]*(?:\/html|[/+]xml)/i.test(headers.get("content-type") ?? "")
}
