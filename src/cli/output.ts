import type picocolors from "picocolors"
import { readEnvironment, wantsColors } from "../config.ts"

/** What a command answers, on stdout. It is out when this is done, also into a slow pipe. */
export function print(text: string): Promise<void> {
  return write(Bun.stdout, text)
}

export function printJson(value: unknown): Promise<void> {
  return print(JSON.stringify(value, null, 2))
}

/** What is not the answer, on stderr: notes, questions, progress. */
export function say(text: string): Promise<void> {
  return write(Bun.stderr, text)
}

/** Foreign text as it may be shown: it moves no cursor, hides nothing, and stays on its line. */
export function toSafe(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, "\ufffd")
}

/** The same for a message of several lines. */
export function toSafeLines(text: string): string {
  return text.split("\n").map(toSafe).join("\n")
}

async function write(to: Bun.BunFile, text: string): Promise<void> {
  try {
    await Bun.write(to, `${text}\n`)
  } catch (error) {
    // who reads us (`head`) has seen enough: no failure of the command
    if ((error as NodeJS.ErrnoException).code !== "EPIPE") throw error
  }
}

/** Of what goes to stdout. Loaded when something is painted: it looks at the terminal, which takes a while. */
const colors = () => (require("picocolors") as typeof picocolors).createColors(wantsColors(readEnvironment(), "stdout"))
export const bold = (text: string) => colors().bold(text)
export const good = () => colors().green("✓")
export const bad = () => colors().red("✗")
