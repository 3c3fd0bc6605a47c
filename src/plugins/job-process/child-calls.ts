import type { Json } from "@pagoda/sdk"
import type { ApiOwner, Reply, ToHost, ToProcess } from "./messages.ts"
import type { RemoteApiContext } from "./remote-api.ts"

/** Calls that the host has not answered yet. */
export type Calls = {
  /** What brings the calls of one `api` to the host. */
  of(owner: ApiOwner): RemoteApiContext["ask"]
  settle(reply: Extract<ToProcess, { type: "reply" }>): void
}

export function createCalls(send: (message: ToHost) => void): Calls {
  const open = new Map<number, (reply: Reply) => void>()
  let last = 0
  return {
    of: (owner) => (path, args: Json[], actor) =>
      new Promise((resolve) => {
        const call = ++last
        open.set(call, resolve)
        send({ type: "call", call, owner, actor, path, args })
      }),
    settle({ call, ...reply }) {
      open.get(call)?.(reply)
      open.delete(call)
    },
  }
}
