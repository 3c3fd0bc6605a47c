import type { User } from "@pagoda/sdk"
import { version } from "../config.ts"
import { requireAdmin } from "../core/access/require-admin.ts"
import { expositionType, type Family, toExposition } from "../metrics/exposition.ts"
import { readProcess } from "../metrics/process.ts"
import type { CoreApp, HttpContext } from "./core.ts"
import { describeHooks } from "./metrics-hooks.ts"
import { describeJobs } from "./metrics-jobs.ts"
import { describeRoutes } from "./metrics-routes.ts"

export function addMetrics(app: CoreApp, context: HttpContext): void {
  app.get(
    "/metrics",
    async ({ user }) => {
      requireAdmin(user, "read the metrics")
      return new Response(toExposition(await readFamilies(context, user)), {
        headers: { "content-type": expositionType },
      })
    },
    {
      detail: {
        tags: ["health"],
        summary: "Counts and times in Prometheus's text format; admins only",
        description:
          "What waits and runs is that of all processes; counts and times are those of the answering one since it started, and of hooks since their plugin was loaded.",
        responses: {
          200: { description: "Text, version 0.0.4", content: { "text/plain": { schema: { type: "string" } } } },
        },
      },
    },
  )
}

async function readFamilies({ core, jobs, plugins, limits, meter }: HttpContext, user: User): Promise<Family[]> {
  return [
    {
      name: "pagoda_build_info",
      help: "Which program answers.",
      type: "gauge",
      samples: [[{ version, bun: Bun.version }, 1]],
    },
    describePlugins(plugins),
    describeLimits(plugins, limits, user),
    ...describeJobs(await jobs.measure()),
    ...describeHooks(core.hooks.counts(), await core.hooks.backlog()),
    ...describeRoutes(meter.all()),
    ...(await readProcess()),
  ]
}

const states = ["active", "disabled", "failed", "quarantined"] as const

function describePlugins(plugins: HttpContext["plugins"]): Family {
  const records = plugins.list()
  return {
    name: "pagoda_plugins",
    help: "Plugins of the lockfile.",
    type: "gauge",
    samples: states.map((state) => [{ state }, records.filter((record) => record.state === state).length]),
  }
}

function describeLimits(plugins: HttpContext["plugins"], limits: HttpContext["limits"], user: User): Family {
  const refusals = plugins
    .list()
    .flatMap(({ id: plugin }) =>
      Object.entries(limits.get(user, plugin)).map(([limit, { refused }]) => [{ plugin, limit }, refused] as const),
    )
  return {
    name: "pagoda_plugin_refusals_total",
    help: "What was refused in this process because a plugin is over a limit.",
    type: "counter",
    samples: refusals.filter(([, refused]) => refused > 0),
  }
}
