/**
 * Statements of one transaction that do not wait for each other: Postgres is sent them all at once. Ends when every one
 * has, also when one fails: a transaction must not be over while something still writes in it.
 */
export async function together<Results extends readonly unknown[]>(
  ...works: { [At in keyof Results]: Promise<Results[At]> }
): Promise<Results> {
  const results = await Promise.allSettled(works)
  for (const result of results) if (result.status === "rejected") throw result.reason
  return results.map((result) => (result as PromiseFulfilledResult<unknown>).value) as unknown as Results
}
