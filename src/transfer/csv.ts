import { type Issue, PagodaError, toMessage } from "../errors.ts"
import { fromCell, toCell } from "./cell.ts"
import { fromTextCell, toTextCell } from "./cell-text.ts"
import { type Column, parseHeader, toColumnName } from "./columns.ts"
import { type FileRow, type Format, longestRow } from "./format.ts"
import { refuseFile } from "./refuse-file.ts"

type Cell = string | null

/** Nobody else has a turn while a line is read and each of its cells is looked at. */
const mostCells = 10_000

/** Without it Excel takes the file for another alphabet. */
const byteOrderMark = "\uFEFF"

export const csv: Format = {
  name: "csv",
  contentType: "text/csv; charset=utf-8",

  encode: (attributes) => ({
    head: byteOrderMark + toLine(["id", "name", ...attributes.map(toColumnName)]),
    rows: (entries) =>
      entries
        .map(({ id, name, values }) =>
          toLine([String(id), toTextCell(name), ...attributes.map(({ type }, at) => toCell(type, values[at] ?? null))]),
        )
        .join(""),
    tail: "",
  }),

  async *parse(pieces, attributes) {
    let columns: (Column | undefined)[] | undefined
    for await (const cells of readRecords(pieces)) {
      if (columns) {
        yield toRow(columns, cells)
        continue
      }
      const issues: Issue[] = []
      columns = parseHeader(cells, attributes, issues)
      if (issues.length > 0) throw refuseFile("the first line does not fit", { issues })
    }
    if (!columns) throw refuseFile("it is empty, wanted a first line with the names of the columns")
  },
}

/** Written without a library: that takes ten times as long, and everyone else waits for it. */
function toLine(cells: readonly Cell[]): string {
  return `${cells.map(quote).join(",")}\r\n`
}

function quote(cell: Cell): string {
  if (cell === null) return ""
  return cell === "" || /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell
}

async function* readRecords(pieces: AsyncIterable<string>): AsyncIterable<Cell[]> {
  const { parse } = await import("csv-parse")
  let records: Cell[][] = []
  const parser = parse({
    bom: true,
    record_delimiter: ["\r\n", "\n", "\r"],
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: longestRow,
    cast(cell, { quoting, index }) {
      if (Number(index) >= mostCells) throw new Error(`a line has more than ${mostCells} cells`)
      return quoting || cell !== "" ? cell : null
    },
    // taken here: a stream that fails drops what was not read yet
    on_record(record: Cell[]) {
      records.push(record)
      return null
    },
  })
  // each call below is told as well
  parser.on("error", () => {})
  const take = () => {
    const taken = records
    records = []
    return taken
  }
  for await (const piece of pieces) {
    const error = await settle((done) => parser.write(piece, done))
    yield* take()
    if (error) throw refuseFile(toMessage(error), { cause: error })
  }
  const error = await settle((done) => parser.end(done))
  yield* take()
  if (error) throw refuseFile(toMessage(error), { cause: error })
}

function settle(work: (done: (error?: Error | null) => void) => unknown): Promise<Error | null | undefined> {
  return new Promise((resolve) => work(resolve))
}

function toRow(columns: readonly (Column | undefined)[], cells: readonly Cell[]): FileRow {
  return () => {
    if (cells.length !== columns.length) {
      const message = `the row has ${cells.length} cells, wanted ${columns.length}, as the first line has`
      throw new PagodaError("IMPORT_INVALID", `Cannot read the row: ${message}`, {
        issues: [{ path: "", message, code: "CELLS" }],
      })
    }
    const row: { id?: unknown; name?: unknown } = {}
    const attrs: [string, unknown][] = []
    for (const [at, column] of columns.entries()) {
      const cell = cells[at] ?? null
      if (column === "id") row.id = fromCell("number", cell)
      else if (column === "name") row.name = cell === null ? null : fromTextCell(cell)
      else if (column) attrs.push([column.name, fromCell(column.type, cell)])
    }
    return { ...row, attrs: Object.fromEntries(attrs) }
  }
}
