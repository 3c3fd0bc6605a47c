import { t } from "@pagoda/sdk"

const time = t.String({ format: "date-time" })

export const level = t.Union([t.Literal("nothing"), t.Literal("readable"), t.Literal("writable"), t.Literal("full")])

/** An entry, as every route answers it. */
export const entrySchema = t.Object(
  {
    id: t.Integer(),
    entity: t.Object({ id: t.Integer(), name: t.String() }),
    name: t.String(),
    attrs: t.Record(t.String(), t.Unknown(), {
      description: "Attribute name → value; without the attributes that the caller may not read",
    }),
    is_public: t.Boolean(),
    default_permission: level,
    is_active: t.Boolean({ description: "`false`: it was deleted" }),
    version: t.Integer({ minimum: 1 }),
    created_by: t.String({ description: "A user's id" }),
    created_at: time,
    updated_by: t.String({ description: "A user's id" }),
    updated_at: time,
  },
  {
    description: "A record of an entity",
    examples: [
      {
        id: 31,
        entity: { id: 4, name: "Server" },
        name: "srv-1",
        attrs: { cpu: 8, state: "live" },
        is_public: true,
        default_permission: "nothing",
        is_active: true,
        version: 2,
        created_by: "0198c5a2-6c1e-7000-8000-000000000001",
        created_at: "2026-01-31T12:00:00.000Z",
        updated_by: "0198c5a2-6c1e-7000-8000-000000000001",
        updated_at: "2026-02-01T08:30:00.000Z",
      },
    ],
  },
)

/** A version of an entry, as its history tells it. */
export const versionSchema = t.Object(
  {
    version: t.Integer({ minimum: 1 }),
    action: t.Union([t.Literal("create"), t.Literal("update"), t.Literal("delete"), t.Literal("restore")]),
    changes: t.Array(
      t.Object({
        attribute_id: t.Union([t.Integer(), t.Null()], { description: "`null`: the name of the entry itself" }),
        name: t.String({ description: "What the attribute was called then" }),
        old: t.Unknown(),
        new: t.Unknown(),
      }),
    ),
    user: t.Object({ id: t.String(), username: t.String() }),
    created_at: time,
  },
  {
    description: "What one version changed; without what the caller may not read",
    examples: [
      {
        version: 2,
        action: "update",
        changes: [{ attribute_id: 7, name: "cpu", old: 4, new: 8 }],
        user: { id: "0198c5a2-6c1e-7000-8000-000000000001", username: "admin" },
        created_at: "2026-02-01T08:30:00.000Z",
      },
    ],
  },
)
