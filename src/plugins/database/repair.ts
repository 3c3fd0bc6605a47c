/** What an administrator has to look at: told once a plugin and code, however often it is reported. */
export type Repair = {
  readonly plugin: string
  readonly code: string
  readonly severity: "info" | "warning" | "error"
  readonly message: string
  /** The command or the call that mends it. */
  readonly mend: string
}

export type ReportRepair = {
  report(repair: Repair): unknown
  resolve(repair: Pick<Repair, "plugin" | "code">): unknown
}
