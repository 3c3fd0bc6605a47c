import { afterEach, beforeEach, expect, jest, test } from "bun:test"
import { createReporter, type Report } from "../../src/jobs/reporter.ts"

beforeEach(() => jest.useFakeTimers())
afterEach(() => jest.useRealTimers())

function watchReporter() {
  const reports: Report[] = []
  const writes: number[] = []
  const first = { progress: 0, message: "" }
  const reporter = createReporter({
    first,
    onReport: (report) => void reports.push(report),
    write: ({ progress }) => void writes.push(progress),
  })
  return { reporter, reports, writes }
}

test("a report is clamped to 0–100, rounded, and keeps the message when none is given", () => {
  const { reporter, reports } = watchReporter()
  reporter.report(-5, "begin")
  reporter.report(33.4)
  reporter.report(1e9)
  reporter.report(Number.NaN, "odd")
  expect(reports).toEqual([
    { progress: 0, message: "begin" },
    { progress: 33, message: "begin" },
    { progress: 100, message: "begin" },
    { progress: 100, message: "odd" },
  ])
})

test("a burst of reports is told to everyone and written once, as the latest, 250 ms after the first", () => {
  const { reporter, reports, writes } = watchReporter()
  for (let percent = 1; percent <= 50; percent++) reporter.report(percent)
  jest.advanceTimersByTime(249)
  expect(writes).toEqual([])
  jest.advanceTimersByTime(1)
  expect(writes).toEqual([50])
  expect(reports).toHaveLength(50)
})

test("reports that never stop are written four times a second", () => {
  const { reporter, writes } = watchReporter()
  for (let tenth = 0; tenth < 1_000; tenth += 10) {
    reporter.report(tenth / 10)
    jest.advanceTimersByTime(10)
  }
  expect(writes).toHaveLength(4)
})

test("nothing is told or written after the close, and what came last can be read", () => {
  const { reporter, reports, writes } = watchReporter()
  reporter.report(1)
  reporter.report(2)
  reporter.close()
  reporter.report(3)
  jest.advanceTimersByTime(1_000)
  expect(writes).toEqual([])
  expect(reports).toHaveLength(2)
  expect(reporter.latest.progress).toBe(2)
})
