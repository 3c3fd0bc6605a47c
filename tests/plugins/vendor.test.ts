import { afterAll, expect, test } from "bun:test"
import { join } from "node:path"
import { toSri } from "../../src/plugins/integrity.ts"
import { toVendorPlaces, vendorName } from "../../src/plugins/vendor/places.ts"
import { formatVendorReadme } from "../../src/plugins/vendor/readme.ts"
import { openVendor } from "../../src/plugins/vendor/write.ts"
import { makeFolder, removeFolders } from "../support/folder.ts"

afterAll(removeFolders)

const pathsOf = (source: string, more = {}) => {
  const { own, packages, modules } = toVendorPlaces({ source, ...more }, toSri("A"))
  return [own, ...packages, ...modules].map(({ path }) => path)
}

test("everything of a plugin has one name below one of the four folders, whatever it is called", () => {
  const commit = "a".repeat(40)
  const paths = [
    ...pathsOf("npm:@team/plugin@1.0.0-rc.1", { dependencies: { "@a/b@1.0.0": toSri("B"), "ms@2.1.3": toSri("C") } }),
    ...pathsOf(`git+https://host/team/plugins.git#${commit}&path:/sub/dir`),
    ...pathsOf(`git+file:///srv/a%20b#${commit}`),
    ...pathsOf("https://host/", { modules: { "https://host/x/?a=../../b": toSri("D") } }),
    ...pathsOf("file:../.."),
    ...pathsOf("file:/"),
    ...pathsOf(`file:./${"long".repeat(100)}/plugin ä.ts`),
  ]
  for (const path of paths) expect(path).toMatch(/^(npm|git|url|file)\/[\w.@+-]{1,150}$/)
  for (const path of paths) expect(path).toMatch(vendorName)
  expect(paths[0]).toStartWith("npm/@team+plugin@1.0.0-rc.1-")
  expect(paths[3]).toStartWith("git/dir-")
})

test("other bytes have another place", () => {
  const [one, other] = ["A", "B"].map((letter) => toVendorPlaces({ source: "npm:a@1.0.0" }, toSri(letter)).own.path)
  expect(one).not.toBe(other)
})

test("the page of a vendor folder is the same for the same lockfile, and lists what two plugins share under both", () => {
  const dependencies = { "ms@2.1.3": toSri("C") }
  const b = { source: "npm:b@1.0.0", version: "1.0.0", integrity: toSri("B"), dependencies }
  const a = { source: "npm:a@1.0.0", version: "1.0.0", integrity: toSri("A"), dependencies }
  const text = formatVendorReadme({ b, a })
  expect(text).toBe(formatVendorReadme({ a, b }))
  expect(text.match(/`ms@2\.1\.3`/g)).toHaveLength(2)
  expect(formatVendorReadme({})).toContain("There are no plugins.")
})

test("openVendor() leaves a folder alone whose README.md is somebody's, and takes one with ours", async () => {
  const folder = await makeFolder({ "README.md": "# My own\n", "plugins.lock.json": "{}" })
  await expect(openVendor(folder)).rejects.toMatchObject({
    code: "USAGE",
    message: expect.stringContaining('it has "README.md" in it'),
  })
  expect(await Bun.file(join(folder, "README.md")).text()).toBe("# My own\n")
  await Bun.write(join(folder, "README.md"), formatVendorReadme({}))
  await openVendor(folder)
})
