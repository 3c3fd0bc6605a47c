import { definePlugin, job, onEntry, t } from "@pagoda/sdk"

export default definePlugin({
  id: "hello-world-plugin",
  name: "Hello World Plugin",
  version: "1.0.0",
  description: "A simple Hello World plugin",
  author: "Pagoda Team",
  engines: { pagoda: ">=2.0.0 <3.0.0" },
  permissions: ["entries:read", "jobs:create"],
  settings: t.Object({ GREETING: t.String({ default: "Hello" }) }),
  routes: (app) =>
    app
      .get(
        "/hello",
        ({ plugin }) => ({ message: "Hello from Hello World Plugin!", plugin: plugin.id, version: plugin.version }),
        { detail: { summary: "Say hello" } },
      )
      .post(
        "/hello",
        async ({ api, body, status, plugin }) => {
          const { id } = await api.jobs.create({ operation: 1001, params: body })
          return status(201, { job_id: id, message: "Hello World task queued!", plugin: plugin.id })
        },
        {
          body: t.Object({ message: t.Optional(t.String()) }),
          response: { 201: t.Object({ job_id: t.Integer(), message: t.String(), plugin: t.String() }) },
          detail: { summary: "Queue a greeting" },
        },
      )
      .get(
        "/greet/:name",
        ({ params, settings, plugin }) => ({
          greeting: `${settings.GREETING}, ${params.name}! Welcome to Pagoda!`,
          plugin: plugin.id,
          timestamp: new Date().toISOString(),
        }),
        { detail: { summary: "Greet somebody by name" } },
      ),
  jobs: {
    1001: job({
      name: "HELLO_WORLD_TASK",
      params: t.Object({ message: t.String({ default: "Hello World!" }) }),
      parallelizable: true,
      run: async ({ params, user, progress }) => {
        await progress(10, "Starting")
        await progress(30, "Looking up the greeting")
        await progress(60, "Greeting")
        await progress(90, "Finishing")
        await progress(100, "Done")
        return `Hello World task completed! Greeting: ${params.message} from ${user.username}!`
      },
    }),
  },
  hooks: [
    onEntry("after_create", async ({ entity, entry, user, api }) => {
      await api.log.info(`Hello, ${entry.name}! Welcome to ${entity.name}!`, { entry: entry.id, user: user.username })
    }),
  ],
})
