import { Elysia } from "elysia"

/** What a plugin's route costs when there is no Pagoda around it. */
const app = new Elysia()
  .get("/greet/:name", ({ params }) => ({
    greeting: `Hello, ${params.name}! Welcome to Pagoda!`,
    plugin: "bench",
    timestamp: new Date().toISOString(),
  }))
  .listen({ hostname: "127.0.0.1", port: Number(process.env.PORT ?? 0) })

console.log(`bare ready http://127.0.0.1:${app.server?.port}`)
