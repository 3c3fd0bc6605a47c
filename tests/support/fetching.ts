import { join } from "node:path"
import type { FetchContext } from "../../src/plugins/fetch.ts"
import { openStore } from "../../src/plugins/store.ts"
import type { ProgressStep } from "../../src/progress.ts"
import { makeFolder } from "./folder.ts"

export type TestContext = FetchContext & { steps: ProgressStep[]; offlineNow(): TestContext }

/** What fetching needs, with a store in a temporary folder and an `.npmrc` that names the registry. */
export async function makeContext(options: { registry?: string; npmrc?: string } = {}): Promise<TestContext> {
  const npmrc = options.npmrc ?? (options.registry ? `registry=${options.registry}/\n` : "")
  const folder = await makeFolder({ ".npmrc": npmrc })
  const steps: ProgressStep[] = []
  const context: TestContext = {
    store: openStore(join(folder, "store"), new Uint8Array(32).fill(7)),
    folder,
    offline: false,
    steps,
    progress: (step) => void steps.push(step),
    offlineNow: () => ({ ...context, offline: true }),
  }
  return context
}
