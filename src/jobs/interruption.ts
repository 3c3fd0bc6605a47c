/**
 * What an operation's `run` throws when it cannot go on for a reason that is not the handler's, such as the end of the
 * process that ran it: the try is no failure, and the job is delivered again.
 */
export class InterruptedError extends Error {
  override name = "InterruptedError"
}
