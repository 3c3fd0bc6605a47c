import { readFile } from "node:fs/promises"

/** Code of a plugin that writes down what its jobs do: `note("begin", job)`. It needs the grant "import:node:fs". */
export const diaryCode = (file: string) => `
import { appendFileSync } from "node:fs"
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))
const diary = (run, job) => (word) =>
  appendFileSync(${JSON.stringify(file)}, [word, job.target?.id ?? "-", job.id, run].join(" ") + "\\n")
let runs = 0
const begin = (job) => diary(\`\${Math.random()}-\${++runs}\`, job)
`

export type DiaryLine = { word: string; target: string; job: number; run: string }

export async function readDiary(file: string): Promise<DiaryLine[]> {
  const text = await readFile(file, "utf8").catch(() => "")
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => {
      const [word = "", target = "", job, run = ""] = line.split(" ")
      return { word, target, job: Number(job), run }
    })
}

/** Runs of one target that were still at work when another had begun, killed ones included: one that is dead says nothing. */
export function findOverlaps(lines: DiaryLine[]): string[] {
  const last = new Map<string, string>()
  const over = new Set<string>()
  const overlaps = new Set<string>()
  for (const { target, run, job } of lines.filter(({ target }) => target !== "-")) {
    const before = last.get(target)
    if (before !== undefined && before !== run) over.add(before)
    if (over.has(run)) overlaps.add(`job ${job} on target ${target}`)
    last.set(target, run)
  }
  return [...overlaps]
}
