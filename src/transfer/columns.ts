import { show } from "../core/fields.ts"
import type { Issue } from "../errors.ts"
import { fromTextCell, toTextCell } from "./cell-text.ts"
import type { TransferAttribute } from "./format.ts"

/** What a column of a file holds. */
export type Column = "id" | "name" | TransferAttribute

const prefix = "attrs."

/** An attribute's column is called as it is, or `attrs.<name>` where that would be taken for something else. */
export function toColumnName({ name }: TransferAttribute): string {
  return toTextCell(name === "id" || name === "name" || name.startsWith(prefix) ? prefix + name : name)
}

/** What is wrong with the line goes to `issues`. */
export function parseHeader(
  cells: readonly (string | null)[],
  attributes: readonly TransferAttribute[],
  issues: Issue[],
): (Column | undefined)[] {
  const byName = new Map(attributes.map((attribute) => [attribute.name, attribute]))
  const seen = new Set<Column>()
  const columns = cells.map((cell) => {
    const title = fromTextCell(cell ?? "")
    const column = parseColumn(title, byName)
    const refuse = (message: string, code: string) => issues.push({ path: title, message, code })
    if (column === undefined) refuse(`the entity has no attribute ${show(title)}`, "ATTRIBUTE_UNKNOWN")
    else if (seen.has(column)) refuse(`the column ${show(title)} is there twice`, "DUPLICATE")
    else seen.add(column)
    return column
  })
  if (!seen.has("id") && !seen.has("name")) {
    const message = 'there is no column "id" and none "name", wanted one of them, with commas between columns'
    issues.push({ path: "", message, code: "HEADER" })
  }
  return columns
}

function parseColumn(title: string, byName: ReadonlyMap<string, TransferAttribute>): Column | undefined {
  if (title === "id" || title === "name") return title
  const bare = title.startsWith(prefix) ? byName.get(title.slice(prefix.length)) : undefined
  return bare ?? byName.get(title)
}
