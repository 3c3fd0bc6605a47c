/** One thing that was looked at. */
export type Finding = {
  /** What was looked at: `database`, `plugin hello-world-plugin`. */
  name: string
  ok: boolean
  message: string
  /** What mends it, where it is not as it should be and the message does not say. */
  mend?: string
}

export function fine(name: string, message: string): Finding {
  return { name, ok: true, message }
}

/** Without `mend` the message says it. */
export function wrong(name: string, message: string, mend?: string): Finding {
  return { name, ok: false, message, ...(mend !== undefined && { mend }) }
}
