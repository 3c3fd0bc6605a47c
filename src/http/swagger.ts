import style from "swagger-ui-dist/swagger-ui.css" with { type: "file" }
import script from "swagger-ui-dist/swagger-ui-bundle.js" with { type: "file" }
import type { Log } from "../log.ts"
import type { CoreApp } from "./core.ts"
import { createDocument, type TaggedApp } from "./openapi.ts"

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Pagoda API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/swagger/ui.css">
</head>
<body>
<div id="ui"></div>
<script src="/swagger/ui.js"></script>
<script src="/swagger/start.js"></script>
</body>
</html>
`

const start = `SwaggerUIBundle({
  url: "/swagger/json",
  dom_id: "#ui",
  deepLinking: true,
  validatorUrl: null,
})
`

/** Nothing but our own files, and no script in the page. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

export function addSwagger(app: CoreApp, appsOf: () => TaggedApp[], log: Log): void {
  const documents = createCache(log)
  const open = { auth: false, detail: { hide: true } }
  app.get("/swagger", () => answer(page, "text/html; charset=utf-8", { "content-security-policy": policy }), open)
  app.get("/swagger/json", async () => answer(await documents(appsOf()), "application/json"), open)
  app.get("/swagger/start.js", () => answer(start, "text/javascript; charset=utf-8"), open)
  app.get("/swagger/ui.js", () => answer(Bun.file(script), "text/javascript; charset=utf-8", cached), open)
  app.get("/swagger/ui.css", () => answer(Bun.file(style), "text/css; charset=utf-8", cached), open)
}

const cached = { "cache-control": "public, max-age=3600" }

function answer(body: string | Blob, type: string, headers: Record<string, string> = {}): Response {
  return new Response(body, { headers: { "content-type": type, "x-content-type-options": "nosniff", ...headers } })
}

/** The text of the document, made anew only when an app came or went. */
function createCache(log: Log): (apps: TaggedApp[]) => Promise<string> {
  let made: { apps: TaggedApp[]; text: Promise<string> } | undefined
  return (apps) => {
    const isSame = made?.apps.length === apps.length && made.apps.every(([, app], index) => app === apps[index]?.[1])
    if (!made || !isSame) made = { apps, text: createDocument(apps, log).then((document) => JSON.stringify(document)) }
    return made.text
  }
}
