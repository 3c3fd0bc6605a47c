import { rootUser, type TestCore } from "./core.ts"

/** Two entities, and what makes an entry of the second. */
export async function openServers(core: TestCore) {
  const owner = await core.entities.create(rootUser, { name: "Owner" })
  const server = await core.entities.create(rootUser, {
    name: "Server",
    attrs: [
      { name: "cpu", type: "number", default_value: 2 },
      { name: "serial", type: "string", is_mandatory: true },
      { name: "owner", type: "object", referral: [owner.id] },
      { name: "tags", type: "array_string" },
    ],
  })
  const make = (name: string, attrs = {}) =>
    core.entries.create(rootUser, server.id, { name, attrs: { serial: "x", ...attrs } })
  return { owner, server, make }
}
