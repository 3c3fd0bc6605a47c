import { describe, expect, test } from "bun:test"
import { type ConfigInput, readConfig } from "../src/config.ts"
import { PagodaError } from "../src/errors.ts"

const read = (env: Record<string, string> = {}, rest: ConfigInput = {}) =>
  readConfig({ env, cwd: "/srv/app", terminal: false, ...rest })

function refuse(env: Record<string, string>, rest: ConfigInput = {}): PagodaError {
  try {
    read(env, rest)
  } catch (error) {
    if (error instanceof PagodaError) return error
    throw error
  }
  throw new Error("the configuration was accepted")
}

test("every setting is in the guide for operators, and nothing else is", async () => {
  const text = (path: string) => Bun.file(new URL(`../${path}`, import.meta.url)).text()
  const [code, guide] = await Promise.all([text("src/config.ts"), text("docs/operating.md")])
  const known = [...code.matchAll(/from\("(\w+)"/g)].map(([, name]) => name)
  const told = [...guide.matchAll(/`(PAGODA_[A-Z_]+|DATABASE_URL)`/g)].map(([, name]) => name)
  expect([...new Set(told)].sort()).toEqual([...new Set(known)].sort())
})

describe("readConfig()", () => {
  test("has the defaults of the contract", () => {
    expect(read()).toMatchObject({
      host: "127.0.0.1",
      port: 8000,
      dataDir: "/srv/app/.pagoda",
      databaseUrl: undefined,
      lockfile: "/srv/app/plugins.lock.json",
      plugins: true,
      whitelist: [],
      blacklist: [],
      strict: false,
      isolationRequire: false,
      offline: false,
      secretKey: undefined,
      adminUsername: "admin",
      adminPassword: undefined,
      logLevel: "info",
      logFormat: "json",
      samples: undefined,
    })
  })

  test("is frozen, with the environment in it", () => {
    const config = read({ API_KEY: "x" })
    expect(Object.isFrozen(config)).toBe(true)
    expect(config.env).toEqual({ API_KEY: "x" })
  })

  test("takes a flag before a variable", () => {
    const config = read(
      { PAGODA_PORT: "1", PAGODA_HOST: "a", PAGODA_DATA_DIR: "b", PAGODA_LOCKFILE: "c" },
      { flags: { port: "0", host: "0.0.0.0", "data-dir": "/data", lockfile: "x/lock.json" } },
    )
    expect(config).toMatchObject({
      host: "0.0.0.0",
      port: 0,
      dataDir: "/data",
      lockfile: "/srv/app/x/lock.json",
    })
  })

  test("takes an empty variable for an unset one", () => {
    expect(read({ PAGODA_PORT: "", DATABASE_URL: "", PAGODA_SECRET_KEY: "" })).toMatchObject({ port: 8000 })
  })

  test("reads which plugins are wanted", () => {
    expect(read({ PAGODA_PLUGINS_ENABLED: "false" }).plugins).toBe(false)
    expect(read({ PAGODA_PLUGINS_ENABLED: "True" }).plugins).toBe(true)
    expect(read({ PAGODA_PLUGINS_ENABLED: "a-b, c_d" }).plugins).toEqual(["a-b", "c_d"])
    expect(read({ PAGODA_PLUGINS_ENABLED: "a" }, { flags: { "no-plugins": true } }).plugins).toBe(false)
    expect(read({ PAGODA_PLUGINS_WHITELIST: "a,b,", PAGODA_PLUGINS_BLACKLIST: "c" })).toMatchObject({
      whitelist: ["a", "b"],
      blacklist: ["c"],
    })
  })

  test("knows where the samples are, in the source tree", () => {
    expect(read({}, { flags: { samples: true } }).samples).toEndWith("/plugin-samples")
  })

  test("prints logs for people on a terminal", () => {
    expect(read({}, { terminal: true }).logFormat).toBe("pretty")
    expect(read({ PAGODA_LOG_FORMAT: "json" }, { terminal: true }).logFormat).toBe("json")
  })

  test("names every mistake at once, those of the command line too", () => {
    const error = refuse(
      {
        PAGODA_PORT: "80000",
        PAGODA_OFFLINE: "maybe",
        PAGODA_LOG_LEVEL: "loud",
        PAGODA_PLUGINS_BLACKLIST: "A B",
        PAGODA_SECRET_KEY: "short",
        DATABASE_URL: "mysql://root:hunter2@db/x",
        PAGODA_PROT: "1",
      },
      { flags: { host: "a b" }, issues: [{ path: "--jsno", message: "is unknown", code: "FLAG_UNKNOWN" }] },
    )
    expect(error.code).toBe("CONFIG_INVALID")
    expect(error.issues?.map(({ path }) => path).sort()).toEqual([
      "--host",
      "--jsno",
      "DATABASE_URL",
      "PAGODA_LOG_LEVEL",
      "PAGODA_OFFLINE",
      "PAGODA_PLUGINS_BLACKLIST",
      "PAGODA_PORT",
      "PAGODA_PROT",
      "PAGODA_SECRET_KEY",
    ])
    expect(error.message).toContain('PAGODA_PORT is "80000", wanted a whole number from 0 to 65535')
    expect(error.message).toContain('PAGODA_PROT is unknown (did you mean "PAGODA_PORT"?)')
  })

  test("shows no secret in what it refuses", () => {
    const error = refuse({
      PAGODA_SECRET_KEY: "hunter2",
      DATABASE_URL: "http://root:hunter2@db/x",
      PAGODA_TOKEN: "hunter2",
    })
    expect(error.message).not.toContain("hunter2")
    expect(refuse({ DATABASE_URL: "hunter2" }).message).not.toContain("hunter2")
  })

  test("takes both names of Postgres", () => {
    for (const url of ["postgres://a@b/c", "postgresql://a@b/c"])
      expect(read({ DATABASE_URL: url }).databaseUrl).toBe(url)
  })
})
