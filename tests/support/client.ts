import type { TestApp } from "./app.ts"

/** Sends JSON below `/api/v2` as the user whose headers these are. */
export function clientOf(app: Pick<TestApp, "request">, headers: Record<string, string>) {
  const send = (method: string) => (path: string, body?: unknown) =>
    app.request(`/api/v2${path}`, { method, headers, body: body === undefined ? null : JSON.stringify(body) })
  return { get: send("GET"), post: send("POST"), patch: send("PATCH"), put: send("PUT"), delete: send("DELETE") }
}

export type Client = ReturnType<typeof clientOf>
