import { expect, test } from "bun:test"
import { dirname, join } from "node:path"
import { makeFolder } from "../../support/folder.ts"
import { eachPluginDatabase } from "../../support/plugin-database.ts"

const script = join(import.meta.dir, "../../support/migration-process.ts")

eachPluginDatabase((dialect, open, core) => {
  test("a process that is killed in the middle of a migration leaves it done or not begun", async () => {
    const place = await core.place()
    const dataDir = dialect === "sqlite" ? join(dirname(place.file), "data") : await makeFolder()
    const databases = await open({ place, dataDir })
    let most = 0
    for (const wanted of [1, 3, 6]) {
      const child = Bun.spawn([process.execPath, script, JSON.stringify(place), dataDir, String(most)], {
        stdout: "pipe",
        stderr: "inherit",
      })
      let told = ""
      for await (const chunk of child.stdout) {
        told += new TextDecoder().decode(chunk)
        // somewhere in what follows
        if (told.split("\n").length > wanted + 1) child.kill("SIGKILL")
      }
      await child.exited
      const db = databases.open("p")
      const done = (await db.all("select name from _migration")) as { name: string }[]
      expect(done.length).toBeGreaterThanOrEqual(most)
      most = done.length
      for (let at = 0; at < most; at++) expect(await db.all(`select count(*) as n from t${at}`)).toEqual([{ n: 2000 }])
      const next = await db.all(`select * from t${most}`).catch((error) => error.code)
      expect(next).toBe("QUERY_FAILED")
      await db.close()
    }
    expect(most).toBeGreaterThan(3)
  }, 60_000)
})
