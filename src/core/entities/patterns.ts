import { type Issue, toMessage } from "../../errors.ts"

/** Says whether a name fits, in time that grows with the name's length alone. */
export type NamePattern = { test(name: string): boolean }

const patternLimit = 500
/** What a name costs grows with the instructions too; repetitions, such as `{1,200}`, multiply them. */
const instructionLimit = 2_000

/**
 * The syntax is RE2's, which has no back references and no look-around, and so never tries one place twice. It finds the
 * pattern anywhere in the name, as the `pattern` of JSON Schema does.
 */
export async function toPattern(source: string): Promise<NamePattern | undefined> {
  if (source === "") return undefined
  const pattern = await compile(source)
  return { test: (name) => pattern.matcher(name).find() }
}

export async function checkPattern(source: string, path: string): Promise<Issue[]> {
  const refuse = (message: string) => [{ path, message, code: "PATTERN_INVALID" }]
  if (source.length > patternLimit) {
    return refuse(`the pattern has ${source.length} characters, wanted at most ${patternLimit}`)
  }
  if (source === "") return []
  try {
    const instructions = (await compile(source)).programSize()
    if (instructions <= instructionLimit) return []
    return refuse(`the pattern has ${instructions} instructions, wanted at most ${instructionLimit}: repeat less`)
  } catch (error) {
    return refuse(`the pattern is no regular expression of RE2: ${toMessage(error)}`)
  }
}

/** A large library, needed by few. */
async function compile(source: string) {
  const { RE2JS } = await import("re2js")
  return RE2JS.compile(source)
}
