import type { Log } from "../log.ts"
import { type Undo, undoAll } from "../undo.ts"
import { toNextRun } from "./cron.ts"
import type { Enqueue } from "./enqueue.ts"
import { toNewJob } from "./new-job.ts"
import type { Operations } from "./operations.ts"
import type { Agenda, Schedule, Schedules } from "./schedules.ts"

export type SchedulerContext = { schedules: Schedules; operations: Operations; enqueue: Enqueue; log: Log }

/** Makes the jobs of schedules that are due, of operations that this process serves. */
export type Scheduler = { start(): void; close(): Promise<void> }

/** Milliseconds. However long it is until the next one: clocks are set, and what another process made is seen then. */
const longestWait = 30_000

export function createScheduler({ schedules, operations, enqueue, log }: SchedulerContext): Scheduler {
  const undos: Undo[] = []
  let timer: ReturnType<typeof setTimeout> | undefined
  let working: Promise<void> | undefined
  let isAgain = false
  let isOpen = false

  const run = async (schedule: Schedule, now: Date) => {
    const { operation: number, cron, params, user_id, username } = schedule
    const operation = operations.get(number)
    // its number may be another plugin's by now
    if (operation?.plugin !== schedule.plugin) return
    // those that were missed are run once
    const next = toNextRun(cron, now)
    const user = { id: user_id, username }
    const isNeeded = (await operation.isNeeded?.()) ?? true
    await schedules.take(schedule, next, async (handle) => {
      if (isNeeded) await enqueue.add(toNewJob(operation, { params, user }), handle)
    })
  }

  const attempt = async (schedule: Schedule, now: Date) => {
    try {
      await run(schedule, now)
    } catch (error) {
      // it is still due, and must not keep those after it from running
      log.error(`The job ${schedule.operation} of the schedule "${schedule.cron}" cannot be made`, { error })
    }
  }

  const look = async (): Promise<number> => {
    const numbers = operations.numbers()
    if (numbers.length === 0) return longestWait
    const { now, schedules: all } = await schedules.agenda(numbers)
    for (const schedule of all) {
      if (!isOpen) break
      if (Date.parse(schedule.next_at) <= now.getTime()) await attempt(schedule, now)
    }
    return toWait({ now, schedules: all })
  }

  const work = async () => {
    let wait = longestWait
    do {
      isAgain = false
      try {
        wait = await look()
      } catch (error) {
        log.error("Schedules of jobs cannot be looked at; trying again", { error })
      }
    } while (isAgain && isOpen)
    working = undefined
    if (isOpen) timer = setTimeout(wake, wait).unref()
  }

  const wake = () => {
    clearTimeout(timer)
    isAgain = true
    if (isOpen) working ??= work()
  }

  return {
    start() {
      isOpen = true
      undos.push(schedules.subscribe(wake), operations.onRegister(wake))
      wake()
    },
    async close() {
      isOpen = false
      clearTimeout(timer)
      await undoAll(undos)
      await working
    },
  }
}

/** What was due by `now` has been run. */
function toWait({ now, schedules }: Agenda): number {
  const waits = schedules.map(({ next_at }) => Date.parse(next_at) - now.getTime()).filter((wait) => wait > 0)
  return Math.min(longestWait, ...waits)
}
