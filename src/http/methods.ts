import type { AnyElysia } from "elysia"

const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

/** The methods that a path of this app answers; none where it answers nothing. */
export function allowedMethods(app: AnyElysia, path: string): string[] {
  const statics = app.router.static as Record<string, Record<string, number>>
  const other = path.endsWith("/") ? path.slice(0, -1) : `${path}/`
  const fixed = { ...statics[path], ...statics[other] }
  const found = methods.filter((method) => method in fixed || app.router.http.find(method, path) !== null)
  return found.includes("GET") && !found.includes("HEAD") ? [...found, "HEAD"] : found
}
