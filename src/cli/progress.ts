import type { Progress, ProgressStep } from "../progress.ts"

/** A spinner on a terminal, else a plain line for each new step; on stderr. `stop` leaves the line clean. */
export type ShownProgress = { report: Progress; stop(): void }

export async function showProgress(): Promise<ShownProgress> {
  return process.stderr.isTTY ? showSpinner() : showLines()
}

async function showSpinner(): Promise<ShownProgress> {
  const { default: yoctoSpinner } = await import("yocto-spinner")
  const spinner = yoctoSpinner({ stream: process.stderr })
  return {
    report: (step) => {
      spinner.text = `${step.step} ${step.subject}${toAmount(step)}`
      if (!spinner.isSpinning) spinner.start()
    },
    stop: () => void (spinner.isSpinning && spinner.stop()),
  }
}

function showLines(): ShownProgress {
  const seen = new Set<string>()
  return {
    report: ({ subject, step }) => {
      const line = `${step} ${subject}`
      if (seen.has(line)) return
      seen.add(line)
      process.stderr.write(`${line}\n`)
    },
    stop: () => {},
  }
}

function toAmount({ received, total }: ProgressStep): string {
  if (received === undefined) return ""
  const mebibytes = (bytes: number) => (bytes / 1024 / 1024).toFixed(1)
  return total ? ` ${mebibytes(received)} of ${mebibytes(total)} MiB` : ` ${mebibytes(received)} MiB`
}
