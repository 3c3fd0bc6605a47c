import type { Store } from "../store.ts"
import type { Budget } from "./budget.ts"
import type { NpmClient, PackageView } from "./client.ts"
import type { Provenance } from "./provenance.ts"

/** What the registry that gave a package could show of where it comes from. */
export type Trust = {
  /** `verified` by a key of that registry; `unsigned`; `unverified`: signed, but the registry publishes no keys. */
  signature: "verified" | "unsigned" | "unverified"
  /** The key that the signature was verified with. */
  keyid?: string
  provenance?: Provenance
}

/** @param integrity the SRI of the tarball as it really is. @throws SIGNATURE_INVALID */
export async function checkTrust(
  view: PackageView,
  integrity: string,
  client: NpmClient,
  budget: Budget,
): Promise<Trust> {
  if (view.signatures.length === 0 && view.attestations === undefined) return { signature: "unsigned" }
  const { verifySignature } = await import("./signatures.ts")
  const { readProvenance } = await import("./provenance.ts")
  const signed = await verifySignature(view, client, budget)
  const provenance = await readProvenance(view, integrity, client, budget)
  const signature = signed === "unsigned" ? signed : signed === "no keys" ? "unverified" : "verified"
  return { signature, ...(typeof signed === "object" && signed), ...(provenance && { provenance }) }
}

/** What was found out when these bytes came from a registry to this machine. */
export async function readTrust(integrity: string, store: Store): Promise<Trust | undefined> {
  const note = await store.readNote(toName(integrity))
  return note === undefined ? undefined : (JSON.parse(note) as Trust)
}

export function writeTrust(integrity: string, trust: Trust, store: Store): Promise<void> {
  return store.writeNote(toName(integrity), JSON.stringify(trust))
}

function toName(integrity: string): string {
  return `trust ${integrity}`
}
