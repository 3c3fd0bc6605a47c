import { expect, test } from "bun:test"
import { createLog, type LogOptions } from "../src/log.ts"

function linesOf(options: Omit<LogOptions, "level" | "write">, use: (log: ReturnType<typeof createLog>) => void) {
  const lines: string[] = []
  use(createLog({ level: "info", ...options, write: (line) => void lines.push(line) }))
  return lines
}

test("JSON lines have the time, the level, the message and the fields of the log and of the line", () => {
  const [line, ...others] = linesOf({ format: "json" }, (log) => {
    log.debug("too little to tell")
    log.with({ plugin: "p" }).warn("look", { count: 1 })
  })
  expect(others).toEqual([])
  expect(line).toEndWith("}\n")
  expect(JSON.parse(line ?? "")).toMatchObject({ level: "warn", message: "look", plugin: "p", count: 1 })
})

test("a line's own fields take no other's place: they get another name", () => {
  const [line = ""] = linesOf({ format: "json" }, (log) => {
    log.with({ plugin: "p" }).info("look", { time: 1, level: "low", message: {}, plugin: "other", count: 1 })
  })
  expect(line).toMatch(/^\{"time":"\d{4}-\S+Z","level":"info","message":"look","plugin":"p","time_":1,/)
  expect(JSON.parse(line)).toMatchObject({ time_: 1, level_: "low", message_: {}, plugin_: "other", count: 1 })
})

test("pretty lines are coloured only where they were asked to be", () => {
  const say = (log: ReturnType<typeof createLog>) => log.with({ plugin: "p" }).info("look")
  expect(linesOf({ format: "pretty" }, say)[0]).toMatch(/^\S+ info {2}look plugin="p"\n$/)
  expect(linesOf({ format: "pretty", colors: true }, say)[0]).toContain("\u001b[36minfo")
})

test("what foreign code logs stays one line and moves no cursor", () => {
  const message = "fine\n12:00 error forged\u001b[2J"
  for (const format of ["json", "pretty"] as const) {
    const [line = ""] = linesOf({ format }, (log) => log.info(message, { message2: message }))
    expect(line.split("\n")).toHaveLength(2)
    expect(line).not.toContain("\u001b")
  }
})
