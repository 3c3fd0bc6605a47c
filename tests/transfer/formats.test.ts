import { expect, test } from "bun:test"
import type { AttributeType, Json } from "@pagoda/sdk"
import fc from "fast-check"
import { PagodaError } from "../../src/errors.ts"
import type { FormatName, TransferAttribute, TransferEntry } from "../../src/transfer/format.ts"
import { formats } from "../../src/transfer/formats.ts"
import { splitArray } from "../../src/transfer/split-array.ts"
import { nastyText } from "../support/nasty-text.ts"

const attributesOf = (...names: string[]): TransferAttribute[] =>
  names.map((name, id) => ({ id, name, type: "string" as AttributeType }))

async function* cut(text: string, size: number) {
  for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size)
}

function encode(name: FormatName, attributes: TransferAttribute[], entries: TransferEntry[]): string {
  const { head, rows, tail } = formats[name].encode(attributes)
  return head + entries.map((entry) => rows([entry])).join("") + tail
}

async function parse(name: FormatName, pieces: AsyncIterable<string>, attributes: TransferAttribute[]) {
  const rows: unknown[] = []
  try {
    for await (const row of formats[name].parse(pieces, attributes)) {
      try {
        rows.push(row())
      } catch (error) {
        rows.push((error as PagodaError).issues)
      }
    }
  } catch (error) {
    expect(error).toBeInstanceOf(PagodaError)
    const { message, issues } = error as PagodaError
    return { rows, problem: message, issues }
  }
  return { rows }
}

const parseCsv = (text: string, ...names: string[]) => parse("csv", cut(text, 7), attributesOf(...names))

test.each<FormatName>(["csv", "json"])(
  "what %s writes, it reads, however the file is cut into pieces",
  async (name) => {
    const names = fc.uniqueArray(
      fc.oneof(fc.constantFrom("id", "name", "attrs.id", "attrs.attrs.id", "=cpu"), nastyText),
      {
        minLength: 1,
        maxLength: 4,
      },
    )
    const files = names.chain((names) =>
      fc.tuple(
        fc.constant(attributesOf(...names)),
        fc.array(
          fc.record({
            id: fc.integer({ min: 1 }),
            name: nastyText,
            values: fc.tuple(...names.map(() => fc.option(nastyText))),
          }),
          { maxLength: 5 },
        ),
        fc.integer({ min: 1, max: 40 }),
      ),
    )
    await fc.assert(
      fc.asyncProperty(files, async ([attributes, entries, size]) => {
        const file = encode(name, attributes, entries as TransferEntry[])
        expect(file.isWellFormed()).toBe(true)
        // a stored file is never cut within a character
        const pieces = (async function* () {
          yield* [...file].length === file.length ? cut(file, size) : [file]
        })()
        const { rows, problem } = await parse(name, pieces, attributes)
        expect(problem).toBeUndefined()
        const wanted = entries.map(({ id, name, values }) => ({
          id,
          name,
          attrs: Object.fromEntries(attributes.map((attribute, at) => [attribute.name, values[at] as Json])),
        }))
        expect(rows).toEqual(wanted)
      }),
      { numRuns: 300 },
    )
  },
)

test("a CSV file begins with a byte order mark and ends its lines as RFC 4180 has it", async () => {
  const file = encode("csv", attributesOf("cpu", "id"), [{ id: 1, name: "a,b", values: ["", null] }])
  expect(file).toBe('\uFEFFid,name,cpu,attrs.id\r\n1,"a,b","",\r\n')
})

test("a CSV file of another program is read: any line ends, empty lines, columns in any order or left out", async () => {
  expect(await parseCsv('cpu,name\r\n8,web01\r\n\r\n"8",web02', "cpu")).toEqual({
    rows: [
      { name: "web01", attrs: { cpu: "8" } },
      { name: "web02", attrs: { cpu: "8" } },
    ],
  })
  expect((await parseCsv("id\r7\r,\r", "cpu")).rows).toEqual([
    { id: 7, attrs: {} },
    [{ path: "", message: "the row has 2 cells, wanted 1, as the first line has", code: "CELLS" }],
  ])
})

test("every problem of the first line of a CSV file is told at once", async () => {
  const { rows, issues } = await parseCsv("cpu,cpu,disk\n1,2,3", "cpu")
  expect(rows).toEqual([])
  expect(issues!.map(({ path, code }) => [path, code])).toEqual([
    ["cpu", "DUPLICATE"],
    ["disk", "ATTRIBUTE_UNKNOWN"],
    ["", "HEADER"],
  ])
})

test("a CSV file that breaks off is read up to there", async () => {
  const { rows, problem } = await parseCsv('name\nweb01\n"web02', "cpu")
  expect(rows).toEqual([{ name: "web01", attrs: {} }])
  expect(problem).toStartWith("Cannot read the file: Quote Not Closed")
  expect(await parseCsv("", "cpu")).toMatchObject({ problem: expect.stringContaining("it is empty") })
})

test("a line of a CSV file with more cells than any entity has attributes is refused before it is looked at", async () => {
  const problem = "Cannot read the file: a line has more than 10000 cells"
  const commas = ",".repeat(2_000_000)
  expect(await parseCsv(commas, "cpu")).toMatchObject({ rows: [], problem })
  expect(await parseCsv(`name\nweb01\n${commas}`, "cpu")).toMatchObject({
    rows: [{ name: "web01", attrs: {} }],
    problem,
  })
  expect(await parseCsv(`name\n${",".repeat(9_999)}`, "cpu")).not.toHaveProperty("problem")
})

test.each<[string, string[], string | null]>([
  ["[]", [], null],
  [" [ ] \n", [], null],
  ['\uFEFF[1, "a" ,{"b":[1,2]}]', ["1", '"a" ', '{"b":[1,2]}'], null],
  ['["],\\"[", {"a":"}"}]', ['"],\\"["', '{"a":"}"}'], null],
  ["[1,]", ["1", ""], null],
  ["{}", [], 'it begins with "{", wanted an array: "["'],
  ["", [], "it is empty, wanted an array"],
  ["[1", [], 'it ends within the array, wanted "]"'],
  ["[1,", ["1"], 'it ends within the array, wanted "]"'],
  ["[1] 2", ["1"], "there is more behind the end of the array"],
  ['["0123456789', [], "an element has more than 10 characters; is there a quote too many?"],
])("splitArray() finds the elements of %j", async (text, elements, problem) => {
  for (const size of [1, 3, 100]) {
    const found: string[] = []
    const read = async () => {
      for await (const element of splitArray(cut(text, size), problem?.includes("10") ? 10 : 1000)) found.push(element)
    }
    if (problem) await expect(read()).rejects.toThrow(`Cannot read the file: ${problem}`)
    else await read()
    expect(found).toEqual(elements)
  }
})
