/** The same stream, until it is longer than that many bytes: then it fails with what `refuse` makes. */
export function countBytes(
  stream: ReadableStream<Uint8Array>,
  most: number,
  refuse: () => Error,
): ReadableStream<Uint8Array> {
  const reader = stream.getReader()
  let size = 0
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await reader.read()
      if (done) return controller.close()
      size += value.byteLength
      if (size <= most) return controller.enqueue(value)
      const error = refuse()
      controller.error(error)
      await reader.cancel(error)
    },
    cancel: (reason) => reader.cancel(reason),
  })
}
