import { type Page, t } from "@pagoda/sdk"
import type { TSchema } from "@sinclair/typebox"

type PageQuery = { limit: number; offset: number }

/** The query of every list. */
export const pageQuery = {
  limit: t.Integer({ minimum: 1, maximum: 1000, default: 30, description: "How many results at most" }),
  offset: t.Integer({
    minimum: 0,
    maximum: Number.MAX_SAFE_INTEGER,
    default: 0,
    description: "How many results to skip",
  }),
}

export function pageSchema<Item extends TSchema>(item: Item) {
  const path = t.Union([t.String(), t.Null()])
  return t.Object({ count: t.Integer({ minimum: 0 }), next: path, previous: path, results: t.Array(item) })
}

/** One page of what is all there; `next` and `previous` keep the rest of the query. */
export function toPage<Item>(request: Request, items: Item[], query: PageQuery): Page<Item> {
  const { limit, offset } = query
  return toPageOf(request, { count: items.length, results: items.slice(offset, offset + limit) }, query)
}

/** A page that the database cut; `count` is of all. */
export function toPageOf<Item>(
  request: Request,
  { count, results }: { count: number; results: Item[] },
  { limit, offset }: PageQuery,
): Page<Item> {
  const at = (start: number) => toPath(request, { limit, offset: start })
  return {
    count,
    next: offset + limit < count ? at(offset + limit) : null,
    previous: offset > 0 ? at(Math.max(0, offset - limit)) : null,
    results,
  }
}

function toPath(request: Request, query: Record<string, number>): string {
  const { pathname, searchParams } = new URL(request.url)
  for (const [name, value] of Object.entries(query)) searchParams.set(name, String(value))
  return `${pathname}?${searchParams}`
}
