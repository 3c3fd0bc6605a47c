import { type Page, t } from "@pagoda/sdk"
import type { TSchema } from "@sinclair/typebox"

/** The query of every list. */
export const pageQuery = {
  limit: t.Integer({ minimum: 1, maximum: 1000, default: 30, description: "How many results at most" }),
  offset: t.Integer({ minimum: 0, default: 0, description: "How many results to skip" }),
}

export function pageSchema<Item extends TSchema>(item: Item) {
  const path = t.Union([t.String(), t.Null()])
  return t.Object({ count: t.Integer({ minimum: 0 }), next: path, previous: path, results: t.Array(item) })
}

/** One page of what is all there; `next` and `previous` keep the rest of the query. */
export function toPage<Item>(
  request: Request,
  items: Item[],
  { limit, offset }: { limit: number; offset: number },
): Page<Item> {
  const at = (start: number) => toPath(request, { limit, offset: start })
  return {
    count: items.length,
    next: offset + limit < items.length ? at(offset + limit) : null,
    previous: offset > 0 ? at(Math.max(0, offset - limit)) : null,
    results: items.slice(offset, offset + limit),
  }
}

function toPath(request: Request, query: Record<string, number>): string {
  const { pathname, searchParams } = new URL(request.url)
  for (const [name, value] of Object.entries(query)) searchParams.set(name, String(value))
  return `${pathname}?${searchParams}`
}
