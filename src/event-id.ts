/** The number that a `Last-Event-ID` says: what a browser sends may be the id of another server, or anything. */
export function parseEventId(id: string | undefined): number | undefined {
  return id !== undefined && /^\d{1,15}$/.test(id) ? Number(id) : undefined
}
