/** Without data it only says what to come back with. */
export type ServerSentEvent = { id: string; event?: string | undefined; data?: unknown }

export type EventStreamOptions = {
  /** Begins when the client reads; the signal fires when it has gone, or may not read any more. */
  open(signal: AbortSignal): AsyncIterable<ServerSentEvent>
  request: Request
  /** Asked before each event, and now and then between them: `false` ends the stream. */
  isAllowed(): boolean | Promise<boolean>
}

/** Proxies close connections that are silent for a minute or so. */
export const heartbeatInterval = 15_000
const checkInterval = 1_000
/** The answer's head goes out with the first bytes: who waits for an event is connected before it comes. */
const firstPatience = 100

const headers = {
  "content-type": "text/event-stream",
  "cache-control": "no-cache, no-transform",
  // nginx holds answers back otherwise
  "x-accel-buffering": "no",
}

/** Server-sent events to one client, for as long as it may have them. */
export function toEventStream({ open, request, isAllowed }: EventStreamOptions): Response {
  // whoever counts what HEAD would have been answered reads to the end, and there may be none
  if (request.method === "HEAD") return new Response(null, { headers })
  const over = new AbortController()
  const encoder = new TextEncoder()
  const events = open(AbortSignal.any([over.signal, request.signal]))[Symbol.asyncIterator]()
  const timers: Timer[] = []
  let isGone = false
  let hasTold = false

  const stop = () => {
    for (const timer of timers.splice(0)) clearInterval(timer)
    over.abort()
  }
  const begin = (controller: ReadableStreamDefaultController<Uint8Array>) => {
    const beat = () => {
      // below zero something waits already for a client that does not read
      if ((controller.desiredSize ?? -1) >= 0) controller.enqueue(encoder.encode(": \n\n"))
    }
    const check = async () => {
      if (!(await askAllowed(isAllowed))) stop()
    }
    const greet = () => {
      if (!hasTold) beat()
    }
    timers.push(setTimeout(greet, firstPatience))
    timers.push(setInterval(beat, heartbeatInterval), setInterval(check, checkInterval))
  }

  const source = {
    async pull(controller: ReadableStreamDefaultController<Uint8Array>) {
      if (timers.length === 0 && !over.signal.aborted) begin(controller)
      try {
        const next = await events.next()
        if (!next.done && !over.signal.aborted && (await askAllowed(isAllowed))) {
          hasTold = true
          if (!isGone) controller.enqueue(encoder.encode(toText(next.value)))
          return
        }
        stop()
        await events.return?.()
        // A client that has gone has closed the stream already.
        if (!isGone) controller.close()
      } catch (error) {
        stop()
        throw error
      }
    },
    async cancel() {
      isGone = true
      stop()
      await events.return?.()
    },
  }
  // Nothing begins before somebody reads.
  return new Response(new ReadableStream(source, { highWaterMark: 0 }), { headers })
}

/** Who cannot be asked for now comes back, and is asked again. */
async function askAllowed(isAllowed: EventStreamOptions["isAllowed"]): Promise<boolean> {
  try {
    return await isAllowed()
  } catch {
    return false
  }
}

// JSON has no line breaks, so that one line of data is enough.
function toText({ id, event, data }: ServerSentEvent): string {
  if (event === undefined) return `id: ${id}\n\n`
  return `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}
