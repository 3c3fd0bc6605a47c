import { AsyncLocalStorage } from "node:async_hooks"

/** The run that is under way in a job process, also in what its handler calls and waits for. */
export const currentRun = new AsyncLocalStorage<number>()
