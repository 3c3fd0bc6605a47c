const encoder = new TextEncoder()

/**
 * The same stream, until it is longer than that many bytes: then it fails with what `refuse` makes. A generator's gives
 * text.
 */
export function countBytes(
  stream: ReadableStream<Uint8Array | string>,
  most: number,
  refuse: () => Error,
): ReadableStream<Uint8Array> {
  const reader = stream.getReader()
  let size = 0
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await reader.read()
      if (done) return controller.close()
      const bytes = typeof value === "string" ? encoder.encode(value) : value
      size += bytes.byteLength
      if (size <= most) return controller.enqueue(bytes)
      const error = refuse()
      controller.error(error)
      await reader.cancel(error)
    },
    cancel: (reason) => reader.cancel(reason),
  })
}
