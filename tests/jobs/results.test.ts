import { expect, test } from "bun:test"
import { eq } from "drizzle-orm"
import type { Database } from "../../src/db/database.ts"
import type { Download } from "../../src/jobs/download.ts"
import { createResults } from "../../src/jobs/results.ts"
import { eachDatabase } from "../support/database.ts"
import { alice, bob, finish, follow, openTestJobs, toOperation } from "../support/jobs.ts"

const MiB = 1024 * 1024
const large = `${"ü💥".repeat(200_000)}${"x".repeat(MiB)}end`

async function textOf(download: Download): Promise<string> {
  return (await Array.fromAsync(download.read())).join("")
}

function countParts({ db, tables: { job_part } }: Database, id: number) {
  return db.$count(job_part, eq(job_part.job_id, id))
}

eachDatabase((_dialect, open) => {
  test("a result of up to 1 MiB is the job's text, a larger one is kept in parts; a list has up to 64 KiB", async () => {
    const database = await open()
    const texts = ["x".repeat(64 * 1024), "ü".repeat(64 * 1024), "x".repeat(MiB), "x".repeat(MiB + 1), large]
    const sized = toOperation({ downloadable: true, run: async ({ job }) => texts[job.id - 1] })
    await using jobs = await openTestJobs(database, [sized])
    for (const [index, text] of texts.entries()) {
      const { id } = await jobs.create({ operation: 1001, user: alice })
      const told = await finish(jobs, id)
      expect(told.status).toBe("done")
      for (const job of [told, await jobs.get(id, alice)]) expect(job.text).toBe(index <= 2 ? text : null)
      const download = await jobs.download(id, alice)
      expect(download).toMatchObject({
        content_type: "text/plain; charset=utf-8",
        file_name: `sample-${id}.txt`,
        byte_length: Buffer.byteLength(text),
      })
      expect((await textOf(download)) === text).toBe(true)
      expect(await countParts(database, id)).toBe(index <= 2 ? 0 : Math.ceil(text.length / (256 * 1024)))
    }
    const listed = await jobs.list(alice, { limit: 30, offset: 0 })
    expect(listed.results.map(({ text }) => text?.length ?? null)).toEqual([null, null, null, null, 64 * 1024])
  })

  test("what is no text is JSON, also where it is large", async () => {
    const rows = Array.from({ length: 100_000 }, (_, id) => ({ id, name: `row ${id}` }))
    await using jobs = await openTestJobs(await open(), [toOperation({ downloadable: true, run: async () => rows })])
    const { id } = await jobs.create({ operation: 1001, user: alice })
    await finish(jobs, id)
    const download = await jobs.download(id, alice)
    expect(download).toMatchObject({ content_type: "application/json; charset=utf-8", file_name: `sample-${id}.json` })
    expect(JSON.parse(await textOf(download))).toEqual(rows)
  })

  test("a result beyond the bound ends the job as an error that says so", async () => {
    const huge = toOperation({ run: async () => "x".repeat(100 * MiB + 1) })
    await using jobs = await openTestJobs(await open(), [huge])
    const { id } = await jobs.create({ operation: 1001, user: alice })
    expect(await finish(jobs, id)).toMatchObject({
      status: "error",
      error: `Cannot keep the result of job ${id}: it is larger than 100 MiB`,
    })
  })

  test("download() of one that is not downloadable, not finished, or has no result: three codes", async () => {
    const gate = Promise.withResolvers<void>()
    await using jobs = await openTestJobs(await open(), [
      toOperation({ run: async () => "text" }),
      toOperation({ number: 1002, downloadable: true, run: () => gate.promise }),
      toOperation({ number: 1003, downloadable: true, run: async () => Promise.reject(new Error("no")) }),
    ])
    const create = async (operation: number) => (await jobs.create({ operation, user: alice })).id
    const codeOf = (id: number) =>
      jobs.download(id, alice).then(
        () => "none",
        ({ code }) => code,
      )
    const [plain, open1002, failed] = [await create(1001), await create(1002), await create(1003)]
    await finish(jobs, plain)
    await finish(jobs, failed)
    expect(await Promise.all([plain, open1002, failed].map(codeOf))).toEqual([
      "JOB_NOT_DOWNLOADABLE",
      "JOB_NOT_FINISHED",
      "JOB_HAS_NO_RESULT",
    ])
    gate.resolve()
    await finish(jobs, open1002)
    expect(await codeOf(open1002)).toBe("JOB_HAS_NO_RESULT")
    await expect(jobs.download(plain, bob)).rejects.toMatchObject({ code: "NOT_FOUND" })
  })

  test("a core operation writes its output as it comes; what it returns is the text beside it", async () => {
    const exported = toOperation({
      downloadable: true,
      run: async ({ output, warn }) => {
        const file = output({ content_type: "text/csv", file_name: "Server.csv" })
        for (let row = 0; row < 50_000; row++) await file.write(`${row},"name ${row}"\r\n`)
        expect(() => output({ content_type: "text/csv" })).toThrow("open already")
        warn()
        return "50000 rows"
      },
    })
    await using jobs = await openTestJobs(await open(), [exported])
    const { id } = await jobs.create({ operation: 1001, user: alice })
    expect(await finish(jobs, id)).toMatchObject({ status: "warning", progress: 100, text: "50000 rows" })
    const download = await jobs.download(id, alice)
    expect(download).toMatchObject({ content_type: "text/csv; charset=utf-8", file_name: "Server.csv" })
    const rows = (await textOf(download)).split("\r\n")
    expect([rows.length, rows[0], rows[49_999]]).toEqual([50_001, '0,"name 0"', '49999,"name 49999"'])
  })

  test("a try that is over writes no part, and parts of one that was cut short are not mixed with the next one's", async () => {
    const database = await open()
    const second = Promise.withResolvers<void>()
    const writes: ((text: string) => Promise<void>)[] = []
    const operation = toOperation({
      downloadable: true,
      run: async ({ job, output, signal }) => {
        const { write } = output({ content_type: "text/plain" })
        writes.push(write)
        await write(String(job.attempts).repeat(3 * 256 * 1024))
        if (job.attempts === 1) await new Promise((resolve) => signal.addEventListener("abort", resolve))
        else await second.promise
      },
    })
    await using jobs = await openTestJobs(database, [operation])
    const { id } = await jobs.create({ operation: 1001, user: alice })
    while ((await countParts(database, id)) < 2) await Bun.sleep(5)
    await jobs.cancel(id, alice)
    const late = writes[0]?.("0".repeat(300 * 1024))
    await expect(late as Promise<void>).rejects.toMatchObject({ code: "JOB_OVER" })
    await jobs.rerun(id, alice)
    await follow(jobs, id, ({ status }) => status === "processing")
    second.resolve()
    await finish(jobs, id)
    expect(await textOf(await jobs.download(id, alice))).toBe("2".repeat(3 * 256 * 1024))
  })

  test("who reads while the job runs again gets an error, never a half as the whole", async () => {
    const database = await open()
    const { db, tables } = database
    const operation = toOperation({ downloadable: true, run: async () => "x".repeat(6 * MiB) })
    await using jobs = await openTestJobs(database, [operation])
    const { id } = await jobs.create({ operation: 1001, user: alice })
    await finish(jobs, id)
    const { read } = await jobs.download(id, alice)
    const parts = read()[Symbol.asyncIterator]()
    await parts.next()
    await db.delete(tables.job_part).where(eq(tables.job_part.job_id, id))
    const rest = (async () => {
      while (!(await parts.next()).done);
    })()
    await expect(rest).rejects.toMatchObject({ code: "CONFLICT" })
  })

  test("who reads slowly while the job runs again never gets a part of the one result and a part of the other", async () => {
    const operation = toOperation({ downloadable: true, run: async ({ job }) => `${job.attempts}`.repeat(6 * MiB) })
    await using jobs = await openTestJobs(await open(), [operation])
    const { id } = await jobs.create({ operation: 1001, user: alice })
    await finish(jobs, id)
    const parts = (await jobs.download(id, alice)).read()[Symbol.asyncIterator]()
    expect((await parts.next()).value.at(-1)).toBe("1")
    await jobs.rerun(id, alice)
    await finish(jobs, id)
    const rest = (async () => {
      for (let part = await parts.next(); !part.done; part = await parts.next()) expect(part.value.at(-1)).toBe("1")
    })()
    await expect(rest).rejects.toMatchObject({ code: "CONFLICT" })
    expect((await textOf(await jobs.download(id, alice))).length).toBe(6 * MiB)
  })

  test("an output beyond its bound is refused where it is written", async () => {
    const { parts } = createResults(await open())
    const writer = parts.writer({ id: 1, attempts: 1 }, { bytes: 10, name: "output" })
    await writer.write("ü".repeat(5))
    await expect(writer.write("x")).rejects.toMatchObject({ code: "RESULT_TOO_LARGE" })
  })
})
