import { expect, test } from "bun:test"
import { join } from "node:path"
import type { DatabaseOptions } from "../../src/db/database.ts"
import { createRecords } from "../../src/jobs/records.ts"
import { createRevisions } from "../../src/jobs/revisions.ts"
import { eachDatabase } from "../support/database.ts"

const program = join(import.meta.dir, "../support/jobs-process.ts")

function work(place: DatabaseOptions, amount: number) {
  return Bun.spawn([process.execPath, program, JSON.stringify(place), String(amount)], {
    stdout: "pipe",
    stderr: "inherit",
  })
}

/** Reads what the process says until it has said all of it. */
async function hear(child: ReturnType<typeof work>, isEnough: (said: string) => boolean): Promise<string> {
  let said = ""
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    said += chunk
    if (isEnough(said)) break
  }
  return said
}

const count = (said: string, word: string) => said.split("\n").filter((line) => line.startsWith(word)).length

eachDatabase((_dialect, open) => {
  test("every job of a process that was killed in mid-work ends in the next one", async () => {
    const place = await open.place()
    const database = await open({ place })
    const killed = work(place, 6)
    // Three have no key and three have one: four can run.
    await hear(killed, (said) => count(said, "created") === 6 && count(said, "started") === 4)
    killed.kill("SIGKILL")
    await killed.exited

    const records = createRecords(database, createRevisions(database))
    const rows = async () => (await records.page({}, 100, 0)).rows.toReversed()
    expect((await rows()).filter(({ status }) => status === "processing")).toHaveLength(4)

    const next = work(place, 0)
    expect(await hear(next, (said) => said.includes("ended"))).toContain("ended 6")
    expect(await next.exited).toBe(0)
    const ended = await rows()
    expect(ended.map(({ status }) => status)).toEqual(Array(6).fill("done"))
    expect(ended.map(({ attempts }) => attempts).sort()).toEqual([1, 1, 2, 2, 2, 2])
    expect(ended.map(({ interruptions }) => interruptions)).toEqual(ended.map(({ attempts }) => attempts - 1))
    expect(ended.map(({ failures }) => failures)).toEqual(Array(6).fill(0))
  }, 40_000)
})
