import { csv } from "./csv.ts"
import type { Format, FormatName } from "./format.ts"
import { json } from "./json.ts"

export const formats: { readonly [Name in FormatName]: Format } = { csv, json }
