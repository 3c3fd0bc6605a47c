export type ServerSentEvent = { id: string; event: string; data: unknown }

/** Proxies close connections that are silent for a minute or so. */
export const heartbeatInterval = 15_000

const headers = {
  "content-type": "text/event-stream",
  "cache-control": "no-cache, no-transform",
  // nginx holds answers back otherwise
  "x-accel-buffering": "no",
}

/** Server-sent events; the signal that `open` gets fires when the client has gone. */
export function toEventStream(
  open: (signal: AbortSignal) => AsyncIterable<ServerSentEvent>,
  client: AbortSignal,
): Response {
  const gone = new AbortController()
  const encoder = new TextEncoder()
  const events = open(AbortSignal.any([gone.signal, client]))[Symbol.asyncIterator]()
  let timer: ReturnType<typeof setInterval> | undefined

  const source = {
    async pull(controller: ReadableStreamDefaultController<Uint8Array>) {
      timer ??= setInterval(() => controller.enqueue(encoder.encode(": \n\n")), heartbeatInterval)
      try {
        const next = await events.next()
        if (!next.done) return controller.enqueue(encoder.encode(toText(next.value)))
        clearInterval(timer)
        // A client that has gone has closed the stream already.
        if (!gone.signal.aborted) controller.close()
      } catch (error) {
        clearInterval(timer)
        throw error
      }
    },
    async cancel() {
      clearInterval(timer)
      gone.abort()
      await events.return?.()
    },
  }
  // Nothing begins before somebody reads: the answer to HEAD is never read, and never cancelled either.
  return new Response(new ReadableStream(source, { highWaterMark: 0 }), { headers })
}

// JSON has no line breaks, so that one line of data is enough.
function toText({ id, event, data }: ServerSentEvent): string {
  return `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}
