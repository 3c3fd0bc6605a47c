export type Range = { first: number; last: number }

/**
 * The one range that a header asks for. `null`: there are no such bytes. Nothing where the whole is the answer: there is no
 * header, it asks for several ranges, or it is not to be understood (RFC 9110, 14.2).
 */
export function readRange(header: string | null, size: number): Range | null | undefined {
  const [, from, to] = /^bytes *= *(\d{0,15})-(\d{0,15})$/i.exec(header?.trim() ?? "") ?? []
  if (from === undefined || to === undefined || from + to === "") return undefined
  if (from === "") {
    const length = Math.min(Number(to), size)
    return length === 0 ? null : { first: size - length, last: size - 1 }
  }
  const first = Number(from)
  const last = to === "" ? size - 1 : Math.min(Number(to), size - 1)
  if (to !== "" && Number(to) < first) return undefined
  return first >= size ? null : { first, last }
}
