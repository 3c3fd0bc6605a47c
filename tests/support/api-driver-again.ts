import { isDeepStrictEqual } from "node:util"
import type { Operation } from "./openapi.ts"

/** What the same person has to find when he looks after an answer. */
export type Again = { path: string; judge(status: number, body: any): string | undefined }

const base = "/api/v2"

/** Nothing where the answer says nothing of what is stored. */
export function lookAgain({ method, path }: Operation, asked: string, body: any): Again | undefined {
  const place = asked.split("?")[0]!.replace(/\/$/, "")
  const what = /^\/api\/v2\/(entities|entries|groups|roles|users)(\/\{id\})?$/.exec(path)?.[1]
  const isNew = path === "/api/v2/entities/{id}/entries"
  // of an entity that is bound to several plugins, this one's binding
  const own = path.endsWith("/override") ? `?plugin=${body.plugin}` : ""
  if (method === "PUT") return { path: place + own, judge: isEqual(body) }
  if (method === "DELETE" && (what === "entities" || what === "entries")) return { path: place, judge: isInactive }
  if (method === "DELETE" && what) return { path: place, judge: isGone }
  if ((method === "POST" || method === "PATCH") && (what || isNew)) {
    // an override answers as it likes
    if (!Number.isInteger(body.id) && typeof body.id !== "string") return undefined
    return { path: `${base}/${isNew ? "entries" : what}/${body.id}`, judge: isEqual(body) }
  }
  if (method === "GET" && /\/(entries|search|referrals|entities)$/.test(path) && body.results.length > 0) {
    const [found] = body.results
    return { path: `${base}/${found.entity ? "entries" : "entities"}/${found.id}`, judge: isEqual(found) }
  }
}

/** An entry's values are left out: a plugin may change what is read. */
function isEqual(given: any) {
  const { attrs, ...rest } = given
  const wanted = Array.isArray(attrs) ? given : rest
  return (status: number, { attrs: found, ...others }: any) => {
    if (status !== 200) return `what was answered before is ${status} when it is read`
    const same = isDeepStrictEqual(Array.isArray(attrs) ? { ...others, attrs: found } : others, wanted)
    return same ? undefined : `it is not what was answered before, ${JSON.stringify(wanted).slice(0, 800)}`
  }
}

function isInactive(status: number, { is_active }: any): string | undefined {
  return status === 200 && is_active === false ? undefined : "what was deleted cannot be read as inactive"
}

function isGone(status: number): string | undefined {
  return status === 404 ? undefined : "what was deleted is still there"
}
