import { PagodaError } from "../../errors.ts"
import { parseSri } from "../integrity.ts"
import type { Budget } from "./budget.ts"
import type { NpmClient, PackageView } from "./client.ts"
import { fetchJson, toRegistry } from "./signatures.ts"

/** Where a package says that it was built. It is a claim: its certificate and its entry in the public log are not checked. */
export type Provenance = { repository: string; commit: string; workflow: string; builder: string }

type Statement = {
  subject?: { name?: unknown; digest?: { sha512?: unknown } }[]
  predicate?: {
    buildDefinition?: {
      externalParameters?: { workflow?: { ref?: unknown; repository?: unknown; path?: unknown } }
      resolvedDependencies?: { digest?: { gitCommit?: unknown } }[]
    }
    runDetails?: { builder?: { id?: unknown } }
    invocation?: { configSource?: { uri?: unknown; digest?: { sha1?: unknown }; entryPoint?: unknown } }
    builder?: { id?: unknown }
  }
}

/**
 * What the registry's attestation of a package says, as long as it is of these very bytes.
 * @param integrity the SRI of the tarball as it really is
 * @throws SIGNATURE_INVALID for an attestation of something else
 */
export async function readProvenance(
  view: PackageView,
  integrity: string,
  client: NpmClient,
  budget: Budget,
): Promise<Provenance | undefined> {
  const address = toAddress(view)
  if (address === undefined) return undefined
  const found = await fetchJson(address, client, budget)
  return found === undefined ? undefined : toChecked(found, view, integrity)
}

/** A registry may answer anything. */
function toChecked(found: unknown, view: PackageView, integrity: string): Provenance | undefined {
  try {
    const { attestations = [] } = found as { attestations?: Attestation[] }
    const attestation = attestations.find(({ predicateType }) =>
      String(predicateType).startsWith("https://slsa.dev/provenance/"),
    )
    if (!attestation) return undefined
    const statement = parseStatement(attestation)
    if (isOf(statement, view, integrity)) return toProvenance(statement)
  } catch (cause) {
    throw refuse(view, "its provenance cannot be read", cause)
  }
  throw refuse(view, `its provenance is of other bytes than the tarball's, whose integrity is "${integrity}"`)
}

type Attestation = { predicateType?: unknown; bundle?: { dsseEnvelope?: { payload?: unknown } } }

function parseStatement({ bundle }: Attestation): Statement {
  return JSON.parse(Buffer.from(String(bundle?.dsseEnvelope?.payload), "base64").toString("utf8"))
}

/** Only the registry that gave the package is asked, whatever host the package names. */
function toAddress(view: PackageView): string | undefined {
  const registry = toRegistry(view)
  const given = URL.parse(view.attestations ?? "")
  if (!registry || !given) return undefined
  return given.origin === new URL(registry).origin ? given.href : registry + given.pathname
}

function isOf({ subject = [] }: Statement, { name, version }: PackageView, integrity: string): boolean {
  const digest = Buffer.from(parseSri(integrity).digest).toString("hex")
  const url = `pkg:npm/${name.replace("@", "%40")}@${version}`
  return subject.some((one) => one.name === url && one.digest?.sha512 === digest)
}

/** SLSA provenance v1, or v0.2 as npm's first ones had it. */
function toProvenance({ predicate = {} }: Statement): Provenance {
  const { buildDefinition, runDetails, invocation } = predicate
  const workflow = buildDefinition?.externalParameters?.workflow
  const source = invocation?.configSource
  const text = (value: unknown) => (typeof value === "string" ? value : "unknown")
  const withRef = (path: unknown, ref: unknown) => (typeof ref === "string" ? `${text(path)}@${ref}` : text(path))
  if (!workflow && source) {
    const [repository, ref] = text(source.uri)
      .replace(/^git\+/, "")
      .split("@")
    return {
      repository: text(repository),
      commit: text(source.digest?.sha1),
      workflow: withRef(source.entryPoint, ref),
      builder: text(predicate.builder?.id),
    }
  }
  return {
    repository: text(workflow?.repository),
    commit: text(buildDefinition?.resolvedDependencies?.find(({ digest }) => digest?.gitCommit)?.digest?.gitCommit),
    workflow: withRef(workflow?.path, workflow?.ref),
    builder: text(runDetails?.builder?.id),
  }
}

function refuse({ name, version }: PackageView, problem: string, cause?: unknown): PagodaError {
  return new PagodaError("SIGNATURE_INVALID", `Cannot take "${name}@${version}": ${problem}`, { cause })
}
