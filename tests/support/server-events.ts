export type ReadEvent<Data> = { id: string; event: string; data: Data }

/** Server-sent events as they arrive. */
export function readServerEvents<Data>(response: Response) {
  const told: ReadEvent<Data>[] = []
  const started = Promise.withResolvers<void>()
  const reader = (response.body as ReadableStream<Uint8Array>).getReader()
  let read = 0
  let isOver = false
  let wake = () => {}

  const take = (block: string) => {
    const fields = Object.fromEntries(block.split("\n").map((line) => line.split(/: (.*)/s, 2)))
    if (fields.data) told.push({ id: fields.id, event: fields.event, data: JSON.parse(fields.data) })
    started.resolve()
    wake()
  }
  const pump = async () => {
    const decoder = new TextDecoder()
    let rest = ""
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      const blocks = (rest + decoder.decode(next.value, { stream: true })).split("\n\n")
      rest = blocks.pop() ?? ""
      for (const block of blocks) take(block)
    }
  }
  const ended = pump().finally(() => {
    isOver = true
    wake()
  })
  ended.catch(() => {})

  return {
    /** Something has arrived, be it only where the stream begins. */
    started: started.promise,
    ended,
    /** All that was not read before, up to the first that fits. @throws where it ends before */
    async until(fits: (event: ReadEvent<Data>) => boolean): Promise<ReadEvent<Data>[]> {
      const first = read
      while (true) {
        while (read < told.length) if (fits(told[read++] as ReadEvent<Data>)) return told.slice(first, read)
        if (isOver) throw new Error(`The stream ended after ${JSON.stringify(told.slice(first))}`)
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
    close: () => void reader.cancel(),
  }
}
