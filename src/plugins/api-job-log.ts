import type { Api, LogApi } from "@pagoda/sdk"
import type { RunContext } from "../jobs/operations.ts"

/** The `api` of a job: what it says is kept with the job as well, whoever it acts for. */
export function withJobLog(api: Api, keep: RunContext["log"]): Api {
  const both =
    (level: keyof LogApi): LogApi["info"] =>
    async (message, fields) => {
      keep(level, message, fields)
      await api.log[level](message, fields)
    }
  return {
    ...api,
    log: { debug: both("debug"), info: both("info"), warn: both("warn"), error: both("error") },
    as: async (user) => withJobLog(await api.as(user), keep),
    asSystem: async () => withJobLog(await api.asSystem(), keep),
  }
}
