/** Times in milliseconds. */
export type Limits = {
  /** How many processes there are at most, those aside that end with what they run. */
  processes: number
  /** A process that has not begun a run by then is busy: another one gets it. */
  claim: number
  /** How long a process may take to start. */
  start: number
  /** A process that says nothing for so long after a signal fired in it is killed. */
  answer: number
  /** A handler that ignores its signal for so long is given up, and its process with it. */
  settle: number
  /** How long a process without runs is kept. */
  idle: number
  /** How long it may take to say that it stops, and then to stop. */
  stopping: number
  stop: number
}

export const standardLimits: Limits = {
  processes: 4,
  claim: 250,
  start: 10_000,
  answer: 10_000,
  settle: 30_000,
  idle: 5 * 60_000,
  stopping: 2_000,
  stop: 6_000,
}
