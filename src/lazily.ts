/** Made at the first call, and at once the same from then on. What failed to be made is tried again. */
export function lazily<T>(make: () => Promise<T>): () => T | Promise<T> {
  let made: { value: T } | undefined
  let making: Promise<T> | undefined
  const finish = (value: T) => {
    made = { value }
    return value
  }
  const fail = (error: unknown) => {
    making = undefined
    throw error
  }
  return () => {
    if (made) return made.value
    making ??= make().then(finish, fail)
    return making
  }
}
