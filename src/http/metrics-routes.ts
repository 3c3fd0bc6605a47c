import type { Family, Labels } from "../metrics/exposition.ts"
import type { RouteCalls } from "./route-meter.ts"

/** The core's routes, then those of plugins. */
export function describeRoutes(routes: Iterable<RouteCalls>): Family[] {
  const all = [...routes]
  const core = all.filter(({ plugin }) => plugin === undefined)
  const plugins = all.filter(({ plugin }) => plugin !== undefined)
  return [
    ...toFamilies("pagoda_http_request", "the core", core),
    ...toFamilies("pagoda_plugin_request", "plugins", plugins),
  ]
}

function toFamilies(prefix: string, whose: string, routes: RouteCalls[]): Family[] {
  return [
    {
      name: `${prefix}s_total`,
      help: `Requests that routes of ${whose} answered in this process.`,
      type: "counter",
      samples: routes.flatMap((route) =>
        route.answers.flatMap((count, group) =>
          count > 0 ? [[{ ...toLabels(route), status: `${group}xx` }, count] as const] : [],
        ),
      ),
    },
    {
      name: `${prefix}_duration_seconds`,
      help: `How long it took until routes of ${whose} answered in this process, one request in sixteen; a stream may go on after that.`,
      type: "histogram",
      samples: routes.map((route) => [toLabels(route), route.times]),
    },
  ]
}

function toLabels({ plugin, method, route }: RouteCalls): Labels {
  return plugin === undefined ? { method, route } : { plugin, method, route }
}
