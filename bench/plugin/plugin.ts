import { definePlugin } from "@pagoda/sdk"

const greet = (name: string) => ({
  greeting: `Hello, ${name}! Welcome to Pagoda!`,
  plugin: "bench",
  timestamp: new Date().toISOString(),
})

export default definePlugin({
  id: "bench",
  name: "Bench",
  version: "1.0.0",
  routes: (app) =>
    app
      .get("/open/:name", ({ params }) => greet(params.name), { auth: false })
      .get("/greet/:name", ({ params }) => greet(params.name)),
})
