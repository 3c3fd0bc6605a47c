import { definePlugin } from "@pagoda/sdk"

// Both handlers are written as the bare program's: Elysia reads a handler's text to tell whether it may be asynchronous.
export default definePlugin({
  id: "bench",
  name: "Bench",
  version: "1.0.0",
  routes: (app) =>
    app
      .get(
        "/open/:name",
        ({ params }) => ({
          greeting: `Hello, ${params.name}! Welcome to Pagoda!`,
          plugin: "bench",
          timestamp: new Date().toISOString(),
        }),
        { auth: false },
      )
      .get("/greet/:name", ({ params }) => ({
        greeting: `Hello, ${params.name}! Welcome to Pagoda!`,
        plugin: "bench",
        timestamp: new Date().toISOString(),
      })),
})
