import { definePlugin, job, t } from "@pagoda/sdk"

/** Makes jobs that do nothing and tells how long each `create` took, in milliseconds. */
export default definePlugin({
  id: "bench-jobs",
  name: "Bench Jobs",
  version: "1.0.0",
  permissions: ["jobs:create"],
  jobs: { 1001: job({ name: "NOTHING", parallelizable: true, run: async () => {} }) },
  routes: (app) =>
    app.post(
      "/make",
      async ({ api, body }) => {
        const times: number[] = []
        let next = 0
        const lane = async () => {
          while (next++ < body.jobs) {
            const start = performance.now()
            await api.jobs.create({ operation: 1001 })
            times.push(performance.now() - start)
          }
        }
        await Promise.all(Array.from({ length: body.at_once }, lane))
        return { times }
      },
      { body: t.Object({ jobs: t.Integer(), at_once: t.Integer() }) },
    ),
})
