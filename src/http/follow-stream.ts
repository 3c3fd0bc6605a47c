import type { Calls } from "../plugins/calls.ts"

/** The same stream, under way in its plugin while it is read: what comes next waits for it, for a while. */
export function followStream<Chunk>(stream: ReadableStream<Chunk>, calls: Calls): ReadableStream<Chunk> {
  let isRead = false
  return handOn(stream, {
    onRead() {
      if (!isRead) calls.begin()
      isRead = true
    },
    onEnd() {
      if (isRead) calls.end()
    },
  })
}

/** The same stream, which may never end by itself: it ends when its plugin leaves. */
export function endWithPlugin<Chunk>(stream: ReadableStream<Chunk>, { leaving }: Calls): ReadableStream<Chunk> {
  return handOn(stream, { until: leaving })
}

type HandingOn = {
  /** Ends it. */
  until?: AbortSignal
  onRead?(): void
  /** Told once. */
  onEnd?(): void
}

function handOn<Chunk>(stream: ReadableStream<Chunk>, { until, onRead, onEnd }: HandingOn): ReadableStream<Chunk> {
  const reader = stream.getReader()
  let isOver = false
  let stop = () => {}
  const end = () => {
    if (isOver) return
    isOver = true
    until?.removeEventListener("abort", stop)
    onEnd?.()
  }

  return new ReadableStream<Chunk>(
    {
      start(controller) {
        stop = () => {
          end()
          controller.close()
          // what waits for a timer of the plugin never settles
          reader.cancel().catch(() => {})
        }
        if (until?.aborted) stop()
        else until?.addEventListener("abort", stop)
      },
      async pull(controller) {
        onRead?.()
        try {
          const { done, value } = await reader.read()
          if (isOver) return
          if (!done) return controller.enqueue(value)
        } catch (error) {
          end()
          throw error
        }
        end()
        controller.close()
      },
      cancel(reason) {
        end()
        return reader.cancel(reason)
      },
    },
    // one that nobody reads is not begun
    { highWaterMark: 0 },
  )
}
