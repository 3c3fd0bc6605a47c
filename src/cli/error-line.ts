import { PagodaError, toMessage } from "../errors.ts"
import { toSafeLines } from "./output.ts"

/** 1: something that who called us can mend; 2: our bug. */
export function toExitCode(error: unknown): number {
  if (error instanceof PagodaError) return error.code === "INTERNAL" ? 2 : 1
  // the system said no (a full disk, a missing right): not a bug of ours
  return typeof (error as NodeJS.ErrnoException | undefined)?.syscall === "string" ? 1 : 2
}

/** What failed, why, what to do; the stack only where it was asked for. */
export function toErrorLine(error: unknown, stacks = false): string {
  const message = toSafeLines(toMessage(error))
  const told = toExitCode(error) === 1 ? message : `This is a bug in Pagoda, please report it: ${message}`
  return `pagoda: ${told}${stacks ? toStacks(error) : ""}`
}

/** The error's and its causes' own: no source text, which is one long line in the binary, and no other fields. */
function toStacks(error: unknown): string {
  const stacks: string[] = []
  for (let each = error; each instanceof Error && stacks.length < 8; each = each.cause) stacks.push(each.stack ?? "")
  return `\n${toSafeLines(stacks.join("\ncaused by "))}`
}
