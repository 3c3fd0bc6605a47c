import { readdir, rm } from "node:fs/promises"
import { join } from "node:path"
import { toPagodaError } from "../../errors.ts"
import { readTrust, writeTrust } from "../fetch/trust.ts"
import { openStore } from "../store.ts"

/**
 * Makes a store good for a second key as well: what the first vouches for is sealed with both. Bundles are made again from
 * the sources when they are needed. Gives how many sources there are.
 */
export async function resealStore(folder: string, keys: { from: Uint8Array; to: Uint8Array }): Promise<number> {
  const store = openStore(folder, keys.from, keys.to)
  await rm(join(folder, "bundles"), { recursive: true, force: true })
  let resealed = 0
  for (const name of await readNames(join(folder, "trees"))) {
    const integrity = `sha512-${Buffer.from(name, "hex").toString("base64")}`
    try {
      const files = await store.readTree(integrity)
      if (files) await store.writeTree(integrity, files)
      const trust = await readTrust(integrity, store)
      if (trust) await writeTrust(integrity, trust, store)
      resealed++
    } catch (error) {
      // what was damaged before stays so, and is told where it is used
      if (toPagodaError(error)?.code !== "STORE_DAMAGED") throw error
    }
  }
  return resealed
}

async function readNames(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => /^[0-9a-f]{128}$/.test(name))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return []
    throw error
  }
}
