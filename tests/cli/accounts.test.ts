import { afterAll, expect, test } from "bun:test"
import { eachDatabase } from "../support/database.ts"
import { makeFolder, removeFolders } from "../support/folder.ts"
import { runPagoda, startPagoda } from "../support/pagoda.ts"

afterAll(removeFolders)

eachDatabase((dialect, open) => {
  test("users and tokens made at the command line are good at the host, until they are revoked", async () => {
    const cwd = await makeFolder()
    const env = toEnvironment(await open.place())
    const run = (...args: string[]) => runPagoda(args, { cwd, env })
    const made = await run("user", "create", "ada", "--admin")
    expect(made).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('administrator "ada"') })
    const password = made.stdout.trim()
    expect(password.length).toBeGreaterThan(15)
    expect(await run("user", "create", "ada")).toMatchObject({
      exitCode: 1,
      stdout: "",
      stderr: expect.stringContaining("taken"),
    })

    const token = JSON.parse((await run("token", "create", "ada", "--name", "ci", "--json")).stdout)
    expect(token).toMatchObject({ name: "ci", token: expect.stringMatching(/^pgd_/) })
    const plain = (await run("token", "create", "ada")).stdout.trim()
    expect(plain).toMatch(/^pgd_\S+$/)

    const host = await startPagoda([], { cwd, env })
    const me = async (value: string) =>
      (await fetch(`${host.url}/api/v2/me`, { headers: { authorization: `Bearer ${value}` } })).status
    expect(await me(plain)).toBe(200)
    expect(await run("token", "revoke", token.id)).toMatchObject({ exitCode: 0 })
    expect(await me(token.token)).toBe(401)
    const login = await fetch(`${host.url}/api/v2/auth/login`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ username: "ada", password }),
    })
    expect(await login.json()).toMatchObject({ user: { username: "ada", is_admin: true } })
    await host.stop()

    const list = JSON.parse((await run("token", "list", "ada", "--json")).stdout)
    expect(list).toMatchObject([{ name: "pagoda" }])
    expect(JSON.stringify(list)).not.toContain("pgd_")
    expect(await run("token", "revoke", token.id)).toMatchObject({ exitCode: 1 })
    expect(await run("token", "list", "nobody")).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('"nobody"'),
    })
  })

  test("pagoda migrate says what it applied, once", async () => {
    const cwd = await makeFolder()
    const env = toEnvironment(await open.place())
    const first = JSON.parse((await runPagoda(["migrate", "--json"], { cwd, env })).stdout)
    expect(first).toMatchObject({ dialect, applied: expect.arrayContaining(["0001_init"]) })
    expect((await runPagoda(["migrate"], { cwd, env })).stdout).toMatch(
      /^There is nothing to do: the (SQLite|Postgres) database is up to date\.\n$/,
    )
  })
})

function toEnvironment({ url }: { url?: string | undefined }): Record<string, string> {
  return url === undefined ? {} : { DATABASE_URL: url }
}

test("a database that cannot be reached is said without its password", async () => {
  const env = { DATABASE_URL: "postgres://ada:hunter2@127.0.0.1:1/pagoda" }
  const { stderr, exitCode } = await runPagoda(["migrate"], { cwd: await makeFolder(), env })
  expect(exitCode).toBe(1)
  expect(stderr).not.toContain("hunter2")
  expect(stderr).toMatch(/^pagoda: [^\n]+\n$/)
})
