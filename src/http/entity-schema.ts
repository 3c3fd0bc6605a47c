import { t } from "@pagoda/sdk"
import type { TUnsafe } from "@sinclair/typebox"
import { levels } from "../core/access/levels.ts"
import { attributeTypes } from "../core/kinds.ts"

export const idSchema = t.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })
const timeSchema = t.String({ format: "date-time", examples: ["2026-01-31T12:00:00.000Z"] })
const levelSchema = toChoice(levels, "Each level grants those before it")
/** Any JSON. */
const valueSchema = t.Unknown({
  description: "A value of the attribute's type; null: none",
  examples: ["web01"],
})

const type = toChoice(attributeTypes, "What values are")
// TypeBox counts a character beyond the first 65 536 as two: what is answered has no limit
const name = t.String({ examples: ["cpu"] })
const newName = t.String({ minLength: 1, maxLength: 200, examples: ["cpu"] })
const choices = (options: object) =>
  t.Array(t.String(options), { description: "What a select may be", examples: [["planned", "live"]], maxItems: 1000 })
const more = {
  is_mandatory: t.Boolean({ description: "true: empty values are refused" }),
  referral: t.Array(idSchema, { description: "The entities that an object may be of; none: any", maxItems: 1000 }),
  choices: choices({}),
  default_value: valueSchema,
  index: t.Integer({ minimum: 0, maximum: 2_147_483_647, description: "Its place among the others" }),
}
const attribute = t.Object({ id: idSchema, name, type, ...more }, { description: "One field of an entity" })

const own = {
  name: t.String({ examples: ["Server"] }),
  note: t.String({ description: "For people; at most 65 536 bytes" }),
  item_name_pattern: t.String({
    maxLength: 500,
    description:
      "A regular expression (RE2) that names of entries have to match, anywhere in the name; empty: any name",
    examples: ["^srv-\\d+$"],
  }),
}
const access = {
  is_public: t.Boolean({ description: "true: everyone has every level" }),
  default_permission: levelSchema,
}

const attributeExample = { name: "cpu", type: "number", is_mandatory: true, referral: [], choices: [], index: 0 }

export const entitySchema = t.Object(
  {
    id: idSchema,
    ...own,
    attrs: t.Array(attribute, { description: "In their order, without those that you may not read" }),
    ...access,
    is_active: t.Boolean({ description: "false: it was deleted" }),
    version: t.Integer({ minimum: 1 }),
    created_by: t.String({ description: "A user's id" }),
    created_at: timeSchema,
    updated_by: t.String({ description: "A user's id" }),
    updated_at: timeSchema,
  },
  {
    description: "A schema that users define",
    examples: [
      {
        id: 1,
        name: "Server",
        note: "Machines in the data center",
        item_name_pattern: "^srv-\\d+$",
        attrs: [{ id: 1, ...attributeExample, default_value: null }],
        is_public: true,
        default_permission: "nothing",
        is_active: true,
        version: 1,
        created_by: "0198f1c2-7d3e-7a10-8c55-3f1d2b4a6e90",
        created_at: "2026-01-31T12:00:00.000Z",
        updated_by: "0198f1c2-7d3e-7a10-8c55-3f1d2b4a6e90",
        updated_at: "2026-01-31T12:00:00.000Z",
      },
    ],
  },
)

const strict = { additionalProperties: false }
const optionalOwn = t.Partial(t.Object({ note: own.note, item_name_pattern: own.item_name_pattern })).properties
const optionalMore = t.Partial(t.Object({ ...more, choices: choices({ minLength: 1, maxLength: 200 }) })).properties
const newOwnName = t.String({ minLength: 1, maxLength: 200, examples: ["Server"] })

export const newEntitySchema = t.Object(
  {
    name: newOwnName,
    ...optionalOwn,
    ...t.Partial(t.Object(access)).properties,
    attrs: t.Optional(t.Array(t.Object({ name: newName, type, ...optionalMore }, strict), { maxItems: 1000 })),
  },
  {
    ...strict,
    examples: [
      {
        name: "Server",
        item_name_pattern: "^srv-\\d+$",
        attrs: [
          { name: "cpu", type: "number", is_mandatory: true },
          { name: "state", type: "select", choices: ["planned", "live"], default_value: "planned" },
        ],
      },
    ],
  },
)

export const entityChangesSchema = t.Object(
  {
    name: t.Optional(newOwnName),
    ...optionalOwn,
    attrs: t.Optional(
      t.Array(
        t.Object(
          {
            id: t.Optional(idSchema),
            is_deleted: t.Optional(t.Boolean({ description: "true: removes the one with this id" })),
            name: t.Optional(newName),
            type: t.Optional(type),
            ...optionalMore,
          },
          strict,
        ),
        { maxItems: 1000, description: "With an id: changes that one; without: adds one" },
      ),
    ),
  },
  {
    ...strict,
    examples: [
      {
        note: "In racks 1 to 4",
        attrs: [
          { id: 1, is_mandatory: false },
          { name: "rack", type: "string" },
          { id: 2, is_deleted: true },
        ],
      },
    ],
  },
)

function toChoice<Name extends string>(names: readonly Name[], description: string) {
  return t.Union(
    names.map((name) => t.Literal(name)),
    { description },
  ) as unknown as TUnsafe<Name>
}
