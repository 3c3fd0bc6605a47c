import type { DatabaseApi, JobContext, Json, User } from "@pagoda/sdk"
import type { Returned } from "../../jobs/text.ts"
import type { Bundle } from "../bundle.ts"
import type { RemoteReport } from "./progress.ts"

/** What the host says to a job process. Everything is plain JSON. */
export type ToProcess =
  | { type: "begin"; claims: string }
  | { type: "load"; plugin: number; bundle: Bundle; database: RemoteDatabase }
  | { type: "run"; run: number; slot: number; plugin: number; number: number; params: Json; user: User; job: JobAbout }
  | { type: "abort"; run: number; name: string; message: string }
  | ({ type: "reply"; call: number } & Reply)
  /** To a plugin that is loaded, or will be. */
  | { type: "settings"; plugin: number; settings: { [key: string]: Json } }
  | { type: "ping" }
  | { type: "stop" }

/** What a job process says to the host. */
export type ToHost =
  | { type: "ready" }
  | { type: "loaded"; plugin: number; isLoaded: boolean }
  | ({ type: "end"; run: number } & Ended)
  /** Its claim came too late: another process has it. */
  | { type: "dropped"; run: number }
  | { type: "progress"; run: number; reports: RemoteReport[] }
  | ({ type: "call" } & Call)
  | { type: "log"; line: string; run?: number }
  /** What a plugin's code left behind, and nobody waited for. */
  | { type: "late"; id: string; thrown: Thrown }
  | { type: "pong" }
  | { type: "stopping" }

/** What `api.db` is made by. */
export type RemoteDatabase = { dialect: DatabaseApi["dialect"]; isGranted: boolean }

export type JobAbout = JobContext["job"]

/** How a handler ended; `missing`: this process has no handler of that number. */
export type Ended = { returned: Returned } | { thrown: Thrown } | { missing: true }

/** Whose `api` it is: a run's, or that which a plugin's `initialize` got. */
export type ApiOwner = { run: number } | { plugin: number }

/** A call of `api.<path>`; `actor` is who it acts for where that is another one than the owner's user. */
export type Call = { call: number; owner: ApiOwner; actor?: string; path: string; args: Json[] }

export type Reply =
  | { value?: Json }
  | { response: { status: number; headers: [string, string][]; body: string } }
  | { actor: string }
  | { thrown: Thrown }

/** An error as plain data. */
export type Thrown = { name: string; message: string; code?: string; path?: string; stack?: string }

/** UTF-16 code units: a result is one message. */
export const longestResult = 100 * 1024 * 1024

/** The argument with which the program becomes a job process. */
export const jobProcessCommand = "job-process"
