import { expect, test } from "bun:test"
import { parseBunLock } from "../../../src/plugins/fetch/bun-lock.ts"

const lock = (packages: string) => parseBunLock(`{ "lockfileVersion": 2, "packages": { ${packages} }, }`)

test("parseBunLock() drops registries, host stubs and what lies inside another tarball", async () => {
  const { packages, layout } = await lock(`
    "ms": ["ms@2.1.3", "https://registry.example/ms/-/ms-2.1.3.tgz", {}, "sha512-a"],
    "@a/b": ["@a/b@1.0.0-rc.1+x", "", { "dependencies": { "ms": "*" } }, "sha512-b"],
    "elysia": ["elysia@file:stub/elysia", {}],
    "inside": ["inside@1.0.0", "", { "bundled": true }, "sha512-c"],
  `)
  expect([...packages]).toEqual([
    ["ms@2.1.3", "sha512-a"],
    ["@a/b@1.0.0-rc.1+x", "sha512-b"],
  ])
  expect(layout).toEqual({})
})

test("every place of a package that has more than its own is listed, scopes and aliases included", async () => {
  const { layout } = await lock(`
    "ms": ["ms@2.1.3", "", {}, "sha512-a"],
    "debug/ms": ["ms@2.0.0", "", {}, "sha512-b"],
    "@a/b/@c/d/ms": ["ms@2.0.0", "", {}, "sha512-b"],
    "@a/b/@c/d": ["@c/d@1.0.0", "", {}, "sha512-c"],
    "other-name": ["is-odd@1.0.0", "", {}, "sha512-d"],
    "debug": ["debug@4.0.0", "", {}, "sha512-e"],
  `)
  expect(layout).toEqual({
    "@a/b/node_modules/@c/d": "@c/d@1.0.0",
    "@a/b/node_modules/@c/d/node_modules/ms": "ms@2.0.0",
    "debug/node_modules/ms": "ms@2.0.0",
    ms: "ms@2.1.3",
    "other-name": "is-odd@1.0.0",
  })
})

test("a package that is not from a registry is refused by name", async () => {
  for (const entry of [
    '["x@github:a/b#1234567", {}, "a-b-1234567"]',
    '["x@https://h/x.tgz", {}, "sha512-a"]',
    '["x@file:../x", {}]',
    '["x@workspace:x"]',
  ])
    await expect(lock(`"x": ${entry}`)).rejects.toThrow(/Cannot take the package "x@.*not from a registry/)
})
