import { PagodaError, toMessage, toPagodaError } from "../errors.ts"
import type { Log } from "../log.ts"
import type { PluginRecord } from "../plugins/record.ts"
import type { SwitchOptions } from "../plugins/registry.ts"
import type { RepairRecord } from "../plugins/repairs.ts"
import type { Undo } from "../undo.ts"
import { makeControlPlace } from "./control-path.ts"

/** What a command asks of the host that runs on its data directory. Each answers plain JSON. */
export type ControlActions = {
  /** Reads the lockfile again; gives what became of every plugin. */
  sync(): Promise<PluginRecord[]>
  setEnabled(request: { id: string; enabled: boolean } & SwitchOptions): Promise<PluginRecord>
  /** Every plugin as it is, and what needs an administrator. */
  diagnose(): Promise<{ plugins: PluginRecord[]; repairs: RepairRecord[] }>
}

export type ControlAnswer = { value: unknown } | { error: { code: string; message: string } }

type Options = { dataDir: string; actions: ControlActions; log: Log }

/** A socket in the data directory, for this user alone: who may open it may also change what is in the directory. */
export function openControl({ dataDir, actions, log }: Options): Undo {
  const place = makeControlPlace(dataDir)
  const mask = process.umask(0o177)
  try {
    const server = Bun.serve({
      unix: place.file,
      async fetch(request, server) {
        // a plugin that starts may take longer than a connection may be idle
        server.timeout(request, 0)
        try {
          return Response.json({ value: await act(request, actions) })
        } catch (error) {
          const ours = toPagodaError(error)
          if (!ours) log.error("Cannot do what a command asked for", { error })
          const message = ours ? ours.message : `The host failed: ${toMessage(error)}`
          return Response.json({ error: { code: ours?.code ?? "INTERNAL", message } })
        }
      },
    })
    return async () => {
      await server.stop(true)
      place.remove()
    }
  } finally {
    process.umask(mask)
  }
}

/** When the host has said that it is ready: no command can ask before. */
export function openControlLater(options: Options): Undo {
  let close: Undo | undefined
  const timer = setTimeout(() => {
    try {
      close = openControl(options)
    } catch (error) {
      options.log.error("Cannot open the control socket: commands do not reach this host", { error })
    }
  })
  return () => {
    clearTimeout(timer)
    return close?.()
  }
}

async function act(request: Request, actions: ControlActions): Promise<unknown> {
  const { pathname } = new URL(request.url)
  const name = pathname.slice(1)
  if (request.method === "POST" && Object.hasOwn(actions, name)) {
    return actions[name as keyof ControlActions]((await request.json()) as never)
  }
  throw new PagodaError("NOT_FOUND", `This host does not know "${name}"; is it of another version than the command?`)
}
