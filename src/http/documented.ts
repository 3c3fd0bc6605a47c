import { t } from "@pagoda/sdk"
import type { Static, TSchema } from "@sinclair/typebox"

/** The schema of a body that is told in the OpenAPI document and checked by the core, which says more than a schema can. */
export function documented<Schema extends TSchema>(schema: Schema) {
  // Elysia would drop the unknown fields of an object without a word; it does not look into this
  return t.Unsafe<Static<Schema>>(t.Unknown({ allOf: [schema] }))
}
