/** Long work tells how far it is; who listens draws a spinner or prints lines. */
export type Progress = (step: ProgressStep) => void

export type ProgressStep = {
  /** What is worked on: a plugin's id or a source. */
  subject: string
  /** `fetching`, `unpacking`, … */
  step: string
  /** Bytes so far and, where known, in all. */
  received?: number
  total?: number
}

export const silent: Progress = () => {}
