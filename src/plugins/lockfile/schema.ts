import { type SchemaOptions, type TProperties, Type } from "@sinclair/typebox"
import { idPattern, idRule } from "../id.ts"

/** `errorMessage` says what is wanted, for our own messages and for editors that know that keyword. */
const wanted = (errorMessage: string, description: string): SchemaOptions => ({ description, errorMessage })

const sri = Type.String({ pattern: "^sha512-[A-Za-z0-9+/]{86}==$", errorMessage: 'an SRI "sha512-<base64>"' })

const closed = <T extends TProperties>(properties: T, options: SchemaOptions) =>
  Type.Object(properties, { additionalProperties: false, ...options })

const mapOf = (values: typeof sri | ReturnType<typeof Type.String>, errorMessage: string, description: string) =>
  Type.Record(Type.String(), values, wanted(errorMessage, description))

/** In the order in which they are written. */
const plugin = closed(
  {
    source: Type.String(
      wanted('a source such as "npm:<name>@<version>"', "Where the bytes come from: exact, never a range or a branch."),
    ),
    version: Type.Optional(
      Type.String(wanted('a version such as "1.0.0"', "The version that the code declares; a mismatch is refused.")),
    ),
    integrity: Type.Optional({
      ...sri,
      description: 'SRI of what "source" names. Required to load; `pagoda lock` fills in a missing one.',
    }),
    dependencies: Type.Optional(
      mapOf(
        sri,
        "an object of SRIs by name@version",
        "The npm packages it pulls in, transitively: name@version → SRI.",
      ),
    ),
    layout: Type.Optional(
      mapOf(
        Type.String({ errorMessage: "a name@version of `dependencies`" }),
        "an object of name@version by install path",
        "Install path below node_modules → name@version, for every package that is not simply at its name.",
      ),
    ),
    modules: Type.Optional(
      mapOf(sri, "an object of SRIs by URL", "URL sources only: every further module of the graph, URL → SRI."),
    ),
    permissions: Type.Optional(
      Type.Array(
        Type.String({ pattern: "^\\S+$", errorMessage: 'a permission such as "jobs:create"' }),
        wanted("a list of permissions", "What the operator grants."),
      ),
    ),
    isolation: Type.Optional(
      Type.Union(
        [Type.Literal("in-process"), Type.Literal("process")],
        wanted(
          '"in-process" or "process"',
          "Where the plugin runs: inside the host, or in a jailed process of its own.",
        ),
      ),
    ),
    memory_mb: Type.Optional(
      Type.Integer({
        minimum: 1,
        ...wanted("a whole number of at least 1", 'Isolation "process" only: the memory limit in MiB. Default 300.'),
      }),
    ),
    required: Type.Optional(
      Type.Boolean(wanted("true or false", "true: the host refuses to start without this plugin. Default false.")),
    ),
  },
  wanted("an object", "One plugin."),
)

export const lockfileSchema = closed(
  {
    $schema: Type.Optional(Type.String(wanted("a path or URL", "The JSON Schema of this file, for editors."))),
    lockfileVersion: Type.Literal(1, wanted("1", "The version of this format.")),
    plugins: Type.Record(Type.String(), plugin, {
      propertyNames: { pattern: idPattern.source, maxLength: 100 },
      ...wanted("an object of plugins by id", `The plugins by id (${idRule}): which code may run.`),
    }),
  },
  {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "plugins.lock.json",
    ...wanted(
      'an object with "lockfileVersion" and "plugins"',
      "Which plugins Pagoda runs, and the hashes of their bytes.",
    ),
  },
)

/** The fields of a plugin, in the order in which they are written. */
export const pluginFields = Object.keys(plugin.properties) as (keyof typeof plugin.properties)[]
