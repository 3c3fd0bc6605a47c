import type { Calls } from "../plugins/calls.ts"

/** The same stream, under way in its plugin while it is read: what comes next waits for it, for a while. */
export function followStream<Chunk>(stream: ReadableStream<Chunk>, calls: Calls): ReadableStream<Chunk> {
  const reader = stream.getReader()
  let state: "unread" | "open" | "over" = "unread"
  const end = () => {
    if (state === "open") calls.end()
    state = "over"
  }

  return new ReadableStream<Chunk>(
    {
      async pull(controller) {
        if (state === "unread") {
          state = "open"
          calls.begin()
        }
        try {
          const { done, value } = await reader.read()
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

/** The same stream, which may never end by itself: it ends when its plugin leaves. */
export function endWithPlugin<Chunk>(stream: ReadableStream<Chunk>, { leaving }: Calls): ReadableStream<Chunk> {
  const reader = stream.getReader()
  let isOver = false
  let stop = () => {}
  const end = () => {
    isOver = true
    leaving.removeEventListener("abort", stop)
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
        if (leaving.aborted) stop()
        else leaving.addEventListener("abort", stop)
      },
      async pull(controller) {
        const { done, value } = await reader.read()
        if (isOver) return
        if (!done) return controller.enqueue(value)
        end()
        controller.close()
      },
      cancel(reason) {
        end()
        return reader.cancel(reason)
      },
    },
    { highWaterMark: 0 },
  )
}
