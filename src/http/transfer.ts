import { t } from "@pagoda/sdk"
import { PagodaError } from "../errors.ts"
import type { FormatName } from "../transfer/format.ts"
import { fileLimit, tooLarge } from "../transfer/read-utf8.ts"
import type { CoreApp, HttpContext } from "./core.ts"
import { idSchema } from "./entity-schema.ts"
import { jobSchema } from "./job-schema.ts"

const tags = ["entries"]
const params = t.Object({ id: idSchema })
const exported = t.Object(
  { format: t.Union([t.Literal("csv"), t.Literal("json")], { description: "What the file is to be" }) },
  { examples: [{ format: "csv" }] },
)

/** The entries of an entity as a file, in and out: each is a job. */
export function addTransfer(app: CoreApp, { transfer }: HttpContext): void {
  app.post(
    "/api/v2/entities/:id/export",
    async ({ user, params: { id }, body: { format }, status }) => status(202, await transfer.export(user, id, format)),
    {
      params,
      body: exported,
      response: { 202: jobSchema },
      detail: {
        tags,
        summary: "Exports the entries of an entity as a file",
        description:
          "The job's download has every active entry, by id, with all that its user may read while it runs. The same file can be imported again.",
      },
    },
  )

  app.post(
    "/api/v2/entities/:id/import",
    async ({ user, params: { id }, request, status }) => {
      const format = toFormat(request.headers.get("content-type"))
      if (Number(request.headers.get("content-length") ?? 0) > fileLimit) throw tooLarge()
      const body = request.body ?? new Blob().stream()
      return status(202, await transfer.import(user, id, { format, body }))
    },
    {
      params,
      parse: "none",
      response: { 202: jobSchema },
      detail: {
        tags,
        summary: "Imports a file of entries",
        description: `A row with an id changes that entry, one without makes another. Rows that do not fit are told in the job's download, and the others are kept. At most ${fileLimit / 1024 / 1024} MiB of UTF-8.`,
        requestBody,
      },
    },
  )
}

const csvExample = "id,name,cpu,state\r\n1,srv-1,8,live\r\n,srv-4,16,\r\n"
const jsonExample = [
  { id: 1, name: "srv-1", attrs: { cpu: 8, state: "live" } },
  { name: "srv-4", attrs: { cpu: 16 } },
]

const requestBody = {
  required: true,
  description: "The file",
  content: {
    "application/json": {
      schema: {
        type: "array" as const,
        items: {
          type: "object" as const,
          properties: {
            id: { type: "integer" as const, description: "Of the entry to change; left out: another one is made" },
            name: { type: "string" as const },
            attrs: { type: "object" as const, description: "Attribute name → value" },
          },
        },
        examples: [jsonExample],
      },
    },
    "text/csv": { schema: { type: "string" as const, examples: [csvExample] } },
  },
}

function toFormat(contentType: string | null): FormatName {
  const [mediaType, ...parameters] = (contentType ?? "").toLowerCase().split(";")
  const format = formats.get(mediaType?.trim() ?? "")
  const charset = parameters.map((parameter) => parameter.trim()).find((parameter) => parameter.startsWith("charset="))
  if (format && (charset === undefined || /^charset="?utf-?8"?$/.test(charset))) return format
  const is = contentType === null ? "of no media type" : `"${contentType}"`
  const wanted = '"text/csv" or "application/json", in UTF-8'
  throw new PagodaError("MEDIA_TYPE_UNSUPPORTED", `The body is ${is}, wanted ${wanted}`)
}

const formats = new Map<string, FormatName>([
  ["text/csv", "csv"],
  ["application/json", "json"],
])
