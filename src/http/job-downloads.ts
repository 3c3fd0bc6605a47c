import type { Download } from "../jobs/download.ts"

/** What is not larger is sent with its length; of a stream the server says none. */
const atOnce = 1024 * 1024

/** As a file to keep, never as a page to show: what is in it was written by a plugin or a user. */
export async function toDownloadResponse(download: Download, request: Request): Promise<Response> {
  const { etag } = download
  const headers = { etag, "cache-control": "private, no-cache", vary: "authorization, cookie" }
  if (isKnown(request.headers.get("if-none-match"), etag)) return new Response(null, { status: 304, headers })
  return new Response(request.method === "HEAD" ? toLength(download) : await toBody(download), {
    headers: {
      ...headers,
      "content-type": download.content_type,
      "content-disposition": toDisposition(download.file_name),
      "x-content-type-options": "nosniff",
    },
  })
}

function isKnown(asked: string | null, etag: string): boolean {
  return asked?.split(",").some((one) => one.trim().replace(/^W\//, "") === etag) ?? false
}

async function toBody(download: Download): Promise<string | ReadableStream<Uint8Array>> {
  if (download.byte_length > atOnce) return toStream(download)
  return (await Array.fromAsync(download.read())).join("")
}

/** As many bytes, which are counted and dropped: for HEAD nobody has to read the result. */
function toLength({ byte_length }: Download): ReadableStream<Uint8Array> {
  const blank = new Uint8Array(Math.min(byte_length, atOnce))
  let left = byte_length
  const source = {
    pull(controller: ReadableStreamDefaultController<Uint8Array>) {
      if (left === 0) return controller.close()
      const next = blank.subarray(0, left)
      left -= next.byteLength
      controller.enqueue(next)
    },
  }
  return new ReadableStream(source, { highWaterMark: 0 })
}

function toStream({ read }: Download): ReadableStream<Uint8Array> {
  const pieces = read()[Symbol.asyncIterator]()
  const encoder = new TextEncoder()
  const source = {
    async pull(controller: ReadableStreamDefaultController<Uint8Array>) {
      const { value, done } = await pieces.next()
      if (done) controller.close()
      else controller.enqueue(encoder.encode(value))
    },
    async cancel() {
      await pieces.return?.()
    },
  }
  return new ReadableStream(source, { highWaterMark: 0 })
}

/** The plain name for who knows only that, and the real one as RFC 8187 has it. */
function toDisposition(name: string): string {
  const safe = name
    .replace(/[/\\\p{Cc}]/gu, "_")
    .toWellFormed()
    .slice(0, 200)
  const plain = safe.replace(/[^\x20-\x7e]|["%]/g, "_")
  const real = encodeURIComponent(safe).replace(/['()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16)}`)
  return `attachment; filename="${plain}"; filename*=UTF-8''${real}`
}
