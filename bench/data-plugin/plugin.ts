import { definePlugin, onEntry } from "@pagoda/sdk"

/** Three hooks that an entry meets on its way, and that do what the least of them does. */
export default definePlugin({
  id: "bench-data",
  name: "Bench data",
  version: "1.0.0",
  permissions: ["entries:read"],
  hooks: [
    onEntry("validate", async () => {}),
    onEntry("before_create", async ({ data }) => data),
    onEntry("after_create", async () => {}),
  ],
})
