/** What registering or opening returns: calling it takes back exactly that. */
export type Undo = () => unknown

/** Runs undos backwards. One that fails does not keep the others from running; the failures are returned. */
export async function undoAll(undos: Undo[]): Promise<unknown[]> {
  const failures: unknown[] = []
  for (const undo of undos.splice(0).reverse()) {
    try {
      await undo()
    } catch (error) {
      failures.push(error)
    }
  }
  return failures
}
