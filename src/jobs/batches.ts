/**
 * Does at once what is asked for while the batch before is under way; the first of all waits for nobody. `run` gives the
 * results in the order of the items.
 */
export function createBatches<Item, Result>(
  run: (items: Item[]) => Promise<Result[]>,
  most: number,
): (item: Item) => Promise<Result> {
  type Waiting = { item: Item; settled: PromiseWithResolvers<Result> }
  const waiting: Waiting[] = []
  let isRunning = false

  const drain = async () => {
    isRunning = true
    while (waiting.length > 0) {
      const batch = waiting.splice(0, most)
      try {
        const results = await run(batch.map(({ item }) => item))
        for (const [index, { settled }] of batch.entries()) settled.resolve(results[index] as Result)
      } catch (error) {
        for (const { settled } of batch) settled.reject(error)
      }
    }
    isRunning = false
  }

  return (item) => {
    const settled = Promise.withResolvers<Result>()
    waiting.push({ item, settled })
    if (!isRunning) void drain()
    return settled.promise
  }
}
