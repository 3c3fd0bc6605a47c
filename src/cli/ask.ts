import { createInterface } from "node:readline/promises"
import { PagodaError } from "../errors.ts"
import { toSafe } from "./output.ts"

/** Asks on the terminal; only "y" or "yes" is a yes. @throws USAGE where there is no terminal to ask */
export async function ask(text: string, yes: boolean): Promise<boolean> {
  if (yes) return true
  const question = toSafe(text)
  if (!process.stdin.isTTY) {
    throw new PagodaError("USAGE", `Cannot ask "${question}": there is no terminal; answer it with --yes`)
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  // Ctrl+C and the end of input close the terminal and leave the question without an answer: that is a no
  const closed = new Promise<string>((resolve) => terminal.once("close", () => resolve("")))
  try {
    const answer = await Promise.race([terminal.question(`${question} [y/N] `), closed])
    return /^y(es)?$/i.test(answer.trim())
  } finally {
    terminal.close()
  }
}

/** @throws USAGE when the answer is no */
export async function mustAgree(question: string, yes: boolean): Promise<void> {
  if (!(await ask(question, yes))) throw new PagodaError("USAGE", "You said no: nothing was changed")
}
