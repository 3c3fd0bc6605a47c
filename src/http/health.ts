import { t } from "@pagoda/sdk"
import type { CoreApp, HttpContext } from "./core.ts"

const tags = ["health"]

const failed = t.Object({ id: t.String(), step: t.String(), code: t.String(), required: t.Boolean() })
const readiness = t.Object({ ready: t.Boolean(), settled: t.Boolean(), failed: t.Array(failed) })

export function addHealth(app: CoreApp, { plugins }: HttpContext): void {
  app.get("/health/live", () => ({ live: true as const }), {
    auth: false,
    response: t.Object({ live: t.Literal(true) }),
    detail: { tags, summary: "Whether the process answers" },
  })

  app.get(
    "/health/ready",
    ({ status }) => {
      const failed = failures(plugins.list())
      const ready = plugins.settled && !failed.some(({ required }) => required)
      return status(ready ? 200 : 503, { ready, settled: plugins.settled, failed })
    },
    {
      auth: false,
      response: { 200: readiness, 503: readiness },
      detail: { tags, summary: "Whether the plugins are settled and none that is required failed" },
    },
  )
}

/** What anybody may know: which ones and how, but not what their errors say. */
function failures(records: ReturnType<HttpContext["plugins"]["list"]>) {
  return records.flatMap(({ id, state, error, required }) =>
    state === "failed" || state === "quarantined"
      ? [{ id, step: error?.step ?? "", code: error?.code ?? "PLUGIN_FAILED", required }]
      : [],
  )
}
