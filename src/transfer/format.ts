import type { Json } from "@pagoda/sdk"
import type { AttributeRow } from "../core/entities/schemas.ts"

export type FormatName = "csv" | "json"

export type TransferAttribute = Pick<AttributeRow, "id" | "name" | "type">

/** An entry as a file has it; the values in the order of the attributes. */
export type TransferEntry = { readonly id: number; readonly name: string; readonly values: readonly Json[] }

/** A row that was found in a file, not looked into yet. @throws IMPORT_INVALID where the row is no entry */
export type FileRow = () => { readonly [field: string]: unknown }

/** A file of entries: what `encode` writes, `parse` reads. */
export type Format = {
  readonly name: FormatName
  readonly contentType: string
  encode(attributes: readonly TransferAttribute[]): Encoder
  /** @throws IMPORT_INVALID where the rest of the file cannot be read */
  parse(pieces: AsyncIterable<string>, attributes: readonly TransferAttribute[]): AsyncIterable<FileRow>
}

export type Encoder = {
  readonly head: string
  rows(entries: readonly TransferEntry[]): string
  readonly tail: string
}

/** More than any entry has that was stored; what is longer lacks an end. */
export const longestRow = 16 * 1024 * 1024
