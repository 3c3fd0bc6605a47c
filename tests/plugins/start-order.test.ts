import { expect, test } from "bun:test"
import { startInOrder } from "../../src/plugins/start-order.ts"

type Plugins = Record<string, [version: string, needs?: Record<string, string>]>

const define = (plugins: Plugins) =>
  new Map(Object.entries(plugins).map(([id, [version, dependencies]]) => [id, { id, version, dependencies }]))

async function start(running: Plugins, fresh: Plugins, broken: string[] = []) {
  const tried: string[] = []
  const refused: Record<string, string> = {}
  const started = await startInOrder({
    running: define(running),
    fresh: define(fresh),
    whyMissing: () => "is missing",
    async start(id) {
      tried.push(id)
      return !broken.includes(id)
    },
    refuse(id, why) {
      refused[id] = why?.message.replace(/.*: it needs /, "") ?? ""
    },
  })
  return { tried, started: [...started], refused }
}

test("each is started after what it needs", async () => {
  const plugins: Plugins = { c: ["1.0.0", { b: "*" }], b: ["1.0.0", { a: "*" }], a: ["1.0.0"] }
  expect(await start({}, plugins)).toEqual({ tried: ["a", "b", "c"], started: ["a", "b", "c"], refused: {} })
})

test("what needs one that fails is refused with the chain, and all others are started", async () => {
  const plugins: Plugins = { c: ["1.0.0", { b: "*" }], b: ["1.0.0", { a: "*" }], a: ["1.0.0"], d: ["1.0.0"] }
  const { started, refused } = await start({}, plugins, ["a"])
  expect(started).toEqual(["d"])
  expect(refused).toEqual({ b: '"a", which is missing', c: '"b", which needs "a", which is missing' })
})

test("an update that fails or is refused is for the others the version that runs", async () => {
  const running: Plugins = { lib: ["1.0.0"], app: ["1.0.0", { lib: "^1.0.0" }] }
  const both: Plugins = { lib: ["2.0.0"], app: ["2.0.0", { lib: "^2.0.0" }], late: ["1.0.0", { app: "^1.0.0" }] }
  expect(await start(running, both, ["lib"])).toEqual({
    tried: ["lib", "late"],
    started: ["late"],
    refused: { app: '"lib" as "^2.0.0", which is 1.0.0' },
  })
  const lacking: Plugins = { lib: ["1.1.0", { absent: "*" }], late: ["1.0.0", { lib: "^1.0.0" }] }
  expect(await start(running, lacking)).toEqual({
    tried: ["late"],
    started: ["late"],
    refused: { lib: '"absent", which is missing' },
  })
})
