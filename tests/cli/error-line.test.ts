import { expect, test } from "bun:test"
import { toErrorLine, toExitCode } from "../../src/cli/error-line.ts"
import { PagodaError } from "../../src/errors.ts"

test("what a user or the system can mend is exit 1, our own bug is exit 2 and says so", () => {
  const mistake = new PagodaError("USAGE", "Cannot do it")
  expect([toErrorLine(mistake), toExitCode(mistake)]).toEqual(["pagoda: Cannot do it", 1])
  const full = Object.assign(new Error("ENOSPC: no space left"), { code: "ENOSPC", syscall: "write" })
  expect([toErrorLine(full), toExitCode(full)]).toEqual(["pagoda: ENOSPC: no space left", 1])
  const bug = new TypeError("x is undefined")
  expect([toErrorLine(bug), toExitCode(bug)]).toEqual([
    "pagoda: This is a bug in Pagoda, please report it: x is undefined",
    2,
  ])
  expect(toExitCode(new PagodaError("INTERNAL", "no"))).toBe(2)
})

test("a stack is shown where it was asked for, and control characters never", () => {
  const error = new PagodaError("USAGE", "a\u001b[2Jb")
  expect(toErrorLine(error)).toBe("pagoda: a\ufffd[2Jb")
  expect(toErrorLine(error, true)).toContain("    at ")
})
