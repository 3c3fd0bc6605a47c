import { HOST_API_VERSION } from "@pagoda/sdk"
import type { AnyElysia } from "elysia"
import type { Log } from "../log.ts"
import { isOpen } from "../plugins/mount.ts"
import { withChoices } from "./openapi-choices.ts"
import { type Operation, toOperation } from "./openapi-operation.ts"
import { type JsonSchema, toJsonSchema } from "./openapi-schema.ts"
import { problemType } from "./problem.ts"

/** An app with the tag of its operations: `core`, or the plugin's id. */
export type TaggedApp = readonly [tag: string, app: AnyElysia]

type Paths = Record<string, Record<string, Operation>>
type Part = { paths: Paths; schemas: Record<string, JsonSchema> }

/** OpenAPI 3.1 of all these apps. */
export async function createDocument(apps: Iterable<TaggedApp>, log: Log): Promise<object> {
  const paths: Paths = {}
  const schemas: Record<string, JsonSchema> = { Problem: problemSchema }
  const tags = new Set<string>()
  for (const [tag, app] of apps) {
    const part = await describeApp(tag, app).catch((error): Part => {
      log.error("Cannot describe the routes of an app", { plugin: tag, error })
      return { paths: {}, schemas: {} }
    })
    for (const [path, item] of Object.entries(part.paths)) paths[path] = { ...paths[path], ...item }
    Object.assign(schemas, part.schemas)
    for (const operation of Object.values(part.paths).flatMap((item) => Object.values(item))) {
      for (const name of operation.tags) tags.add(name)
    }
    if (tag !== "core") tags.add(tag)
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Pagoda",
      version: HOST_API_VERSION,
      description: "The core and every active plugin; each plugin is a tag with its id.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    tags: [...tags].map((name) => ({ name })),
    paths,
    components: {
      schemas,
      responses: { Problem: problemResponse },
      securitySchemes: {
        token: { type: "http", scheme: "bearer", description: "A session token or an API token" },
        session: { type: "apiKey", in: "cookie", name: "pagoda_session", description: "What the login sets" },
      },
    },
  }
}

const described = new WeakMap<AnyElysia, Part>()

/** An app is sealed, so that it is described once. */
async function describeApp(tag: string, app: AnyElysia): Promise<Part> {
  const known = described.get(app)
  if (known) return known
  const { toOpenAPISchema } = await import("@elysiajs/openapi/openapi")
  const found = toOpenAPISchema(onlyDeclared(app), {
    methods: ["options", "ws", "trace", "connect"],
    staticFile: false,
  })
  const plugin = tag === "core" ? undefined : tag
  const rename = (name: string) => (plugin === undefined ? name : `${plugin}.${name.replace(/[^\w.-]/g, "_")}`)
  const paths = toJsonSchema(found.paths, rename) as Record<string, Record<string, Partial<Operation>>>
  const schemas = Object.entries(found.components.schemas as Record<string, unknown>)
  const part: Part = {
    paths: {},
    schemas: Object.fromEntries(schemas.map(([name, schema]) => [rename(name), toJsonSchema(schema, rename)])),
  }
  const open = openOperations(app)
  for (const [path, item] of Object.entries(paths)) {
    part.paths[path] = {}
    for (const [method, operation] of Object.entries(item)) {
      const isPublic = open.has(`${method} ${path}`) || open.has(`all ${path}`)
      part.paths[path][method] = toOperation(operation, { method, path, plugin, isPublic })
    }
  }
  described.set(app, part)
  return part
}

function openOperations(app: AnyElysia): Set<string> {
  const open = app.routes.filter(({ hooks }) => isOpen(hooks))
  return new Set(open.map(({ method, path }) => `${method.toLowerCase()} ${path.replace(/:([^/]+)/g, "{$1}")}`))
}

const schemaPlaces = ["body", "query", "params", "headers", "cookie", "response"] as const

/** A parser that is a function, such as the host's own, says nothing of media types, yet would hide the default ones. */
function onlyDeclared(app: AnyElysia): AnyElysia {
  const { history } = app.router
  const { definitions } = app as unknown as { definitions: unknown }
  const routes = history.map((route) => {
    const parse = [route.hooks.parse].flat().filter((hook) => typeof hook?.fn === "string")
    const schemas = schemaPlaces.map((place) => [place, withChoices(route.hooks[place])])
    return {
      ...route,
      hooks: { ...route.hooks, ...Object.fromEntries(schemas), parse: parse.length > 0 ? parse : undefined },
    }
  })
  return { getGlobalRoutes: () => routes, getGlobalDefinitions: () => definitions } as never
}

const problemSchema: JsonSchema = {
  type: "object",
  description: "What every error is answered with (RFC 9457)",
  required: ["type", "title", "status", "detail", "code"],
  properties: {
    type: { type: "string" },
    title: { type: "string" },
    status: { type: "integer" },
    detail: { type: "string" },
    code: { type: "string", description: "Stable: it never changes its meaning" },
    errors: {
      type: "array",
      items: {
        type: "object",
        required: ["path", "message", "code"],
        properties: { path: { type: "string" }, message: { type: "string" }, code: { type: "string" } },
      },
    },
    plugin: { type: "string", description: "The plugin that failed" },
  },
  examples: [
    {
      type: "urn:pagoda:error:VALIDATION_FAILED",
      title: "The request does not fit",
      status: 422,
      detail: 'The query does not fit: "limit": Expected integer',
      code: "VALIDATION_FAILED",
      errors: [{ path: "limit", message: "Expected integer", code: "INTEGER" }],
    },
  ],
}

const problemResponse = {
  description: "What went wrong",
  content: { [problemType]: { schema: { $ref: "#/components/schemas/Problem" } } },
}
