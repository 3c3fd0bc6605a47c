import { afterAll, describe, expect, test } from "bun:test"
import { readdir } from "node:fs/promises"
import { makeFolder, removeFolders } from "../support/folder.ts"
import { runOnTerminal } from "../support/pagoda.ts"
import { below, pluginFiles } from "../support/plugin-folder.ts"

afterAll(removeFolders)

describe("on a terminal", () => {
  test.each([
    ["y\n", 0],
    ["YES\n", 0],
    ["n\n", 1],
    ["\n", 1],
    ["yellow\n", 1],
    ["\u0003", 1],
    ["\u0004", 1],
  ])("the answer %j to a question ends with %d", async (answer, wanted) => {
    const cwd = await makeFolder(below("x", pluginFiles("greeter", { permissions: ["db"] })))
    const { output, exitCode } = await runOnTerminal(["plugin", "add", "./x"], { cwd, question: "[y/N]", answer })
    expect(output).toContain('Add "greeter" and grant it db?')
    expect(exitCode).toBe(wanted)
    expect(output.includes("You said no: nothing was changed")).toBe(wanted === 1)
    expect((await readdir(cwd)).includes("plugins.lock.json")).toBe(wanted === 0)
  })

  test("there are colours, unless NO_COLOR is set", async () => {
    const cwd = await makeFolder()
    expect((await runOnTerminal(["--help"], { cwd })).output).toContain("\u001b[1m")
    expect((await runOnTerminal(["--help"], { cwd, env: { NO_COLOR: "1" } })).output).not.toContain("\u001b[")
  })
})
