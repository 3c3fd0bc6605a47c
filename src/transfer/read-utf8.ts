import { PagodaError } from "../errors.ts"

export const fileLimit = 100 * 1024 * 1024
/** One takes some milliseconds to be read: others wait as long. */
const pieceSize = 32 * 1024

/** The text of a stream in pieces that do not cut a character in two. @throws BODY_TOO_LARGE, VALIDATION_FAILED */
export async function* readUtf8(stream: ReadableStream<Uint8Array>): AsyncIterable<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
  let size = 0
  let text = ""
  for await (const bytes of stream) {
    size += bytes.byteLength
    if (size > fileLimit) throw tooLarge()
    for (let at = 0; at < bytes.byteLength; at += pieceSize) {
      text += decode(decoder, bytes.subarray(at, at + pieceSize))
      if (text.length < pieceSize) continue
      yield text
      text = ""
    }
  }
  text += decode(decoder)
  if (text !== "") yield text
  if (size === 0) throw notText("it is empty")
}

export function tooLarge(): PagodaError {
  return new PagodaError("BODY_TOO_LARGE", `The file is longer than ${fileLimit} bytes, wanted at most that many`)
}

function decode(decoder: TextDecoder, bytes?: Uint8Array): string {
  const text = toText(decoder, bytes)
  // Postgres has no room for it, and no text file has one
  if (text.includes("\0")) throw notText("it has a NUL")
  return text
}

function toText(decoder: TextDecoder, bytes?: Uint8Array): string {
  try {
    return bytes ? decoder.decode(bytes, { stream: true }) : decoder.decode()
  } catch (cause) {
    throw notText("it is no UTF-8", cause)
  }
}

function notText(problem: string, cause?: unknown): PagodaError {
  const message = `${problem}, wanted a text in UTF-8`
  return new PagodaError("VALIDATION_FAILED", `Cannot read the file: ${message}`, {
    issues: [{ path: "", message, code: "ENCODING" }],
    cause,
  })
}
