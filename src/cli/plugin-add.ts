import { basename, dirname, isAbsolute, relative, resolve } from "node:path"
import { PagodaError } from "../errors.ts"
import { rememberFiles } from "../plugins/difference.ts"
import { resolveSource } from "../plugins/fetch.ts"
import { loadPlugin } from "../plugins/load.ts"
import { toLocked } from "../plugins/lock.ts"
import { type Lockfile, readLockfile } from "../plugins/lockfile.ts"
import { parseSourceRequest, type SourceRequest } from "../plugins/source.ts"
import { mustAgree } from "./ask.ts"
import { editAudited } from "./audited.ts"
import { describe, readDeclared } from "./candidate.ts"
import type { Call } from "./command.ts"
import { containForeign } from "./foreign.ts"
import { readGrants } from "./grants.ts"
import { withJournal } from "./journal.ts"
import { withFetching } from "./open.ts"
import { print } from "./output.ts"
import { tellChange } from "./running-host.ts"

export async function addPlugin(call: Call): Promise<number> {
  const { args, flags, config, log } = call
  const [text = ""] = args
  const yes = flags.yes === true
  const grants = readGrants(call)
  const request = toHere(parseSourceRequest(text), config.lockfile)
  refuseIsolation(flags.isolation)
  const lockfile = await readLockfile(config.lockfile)

  const id = await withJournal(call, ({ step }) =>
    withFetching(config, async (context, quiet) => {
      step("fetch")
      const fetched = await resolveSource(request, context)
      quiet()
      step("show")
      const declared = await readDeclared(fetched, context, { yes, grants, log })
      const { id } = declared
      refuseTaken(lockfile, id)
      const permissions = [...new Set([...declared.permissions, ...grants])]
      await print(await describe(fetched, declared, context.store))
      const grant = permissions.length > 0 ? ` and grant it ${permissions.join(", ")}` : ""
      await mustAgree(`Add "${id}"${grant}?`, yes)

      step("load", id)
      containForeign(log)
      const locked = toLocked(fetched, { permissions, required: flags.required === true })
      const { definition } = await loadPlugin(id, locked, context)
      quiet()
      await rememberFiles(fetched, context.store)
      step("write", id)
      await editAudited(config, (plugins) => {
        refuseTaken({ lockfileVersion: 1, plugins }, id)
        plugins[id] = { ...locked, version: definition.version }
      })
      step("written", id)
      await print(`Added ${id} (${definition.version}) to ${basename(config.lockfile)}.`)
      for (const [other, range] of Object.entries(definition.dependencies ?? {})) {
        if (!Object.hasOwn(lockfile.plugins, other))
          await print(`It needs the plugin "${other}" ${range}: add that as well.`)
      }
      return id
    }),
  )
  return tellChange(config, [id])
}

/** A path is meant from where one types it; the lockfile keeps it from where the lockfile is. */
function toHere(request: SourceRequest, lockfile: string): SourceRequest {
  if (request.kind !== "file" || isAbsolute(request.path)) return request
  return { kind: "file", path: relative(dirname(lockfile), resolve(request.path)) || "." }
}

function refuseIsolation(isolation: unknown): void {
  if (isolation === undefined || isolation === "in-process") return
  if (isolation === "process")
    throw new PagodaError("NOT_YET", 'Cannot add the plugin: isolation "process" is not yet built')
  throw new PagodaError(
    "USAGE",
    `Cannot add the plugin: --isolation is "${isolation}", wanted "in-process" or "process"`,
  )
}

function refuseTaken({ plugins }: Lockfile, id: string): void {
  if (!Object.hasOwn(plugins, id)) return
  throw new PagodaError(
    "PLUGIN_DUPLICATE",
    `Cannot add "${id}": the lockfile has it already, from "${plugins[id]?.source}"; run "pagoda plugin update ${id}", or "pagoda plugin remove ${id}" first`,
  )
}
