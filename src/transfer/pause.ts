/** How long one may go on without a break, in milliseconds: as long as others wait. */
const longest = 2

/** Lets the others of this process have their turn when it is time: a chain of promises alone never does. */
export function createPause(): () => Promise<void> | undefined {
  let since = performance.now()
  return () => {
    if (performance.now() - since < longest) return undefined
    return new Promise((resolve) => {
      setImmediate(() => {
        since = performance.now()
        resolve()
      })
    })
  }
}
