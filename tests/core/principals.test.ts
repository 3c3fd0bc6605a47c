import { expect, test } from "bun:test"
import { type Checked, createPrincipals } from "../../src/core/accounts/principals.ts"
import { withBearer, withCookie } from "../support/accounts.ts"

const user = { id: "1", username: "ana", email: null, is_admin: false, is_readonly: false, is_active: true }
const checked: Checked = { principal: { user, via: "token" }, token_id: "t" }

test("a burst of one credential is checked once", async () => {
  let checks = 0
  const { read } = createPrincipals(async () => {
    checks++
    return checked
  })
  const answers = await Promise.all(Array.from({ length: 50 }, () => read(withBearer("good"))))
  expect(answers.every((answer) => answer === checked.principal)).toBe(true)
  expect(checks).toBe(1)
})

test("what was good is asked again after five seconds", async () => {
  let now = 0
  let checks = 0
  const principals = createPrincipals(
    async () => {
      checks++
      return checked
    },
    () => now,
  )
  await principals.read(withCookie("good"))
  now = 4_999
  expect(principals.read(withCookie("good"))).toBe(checked.principal)
  now = 5_000
  expect(principals.read(withCookie("good"))).toBeInstanceOf(Promise)
  expect(checks).toBe(2)
})

test("junk and failed checks are not kept", async () => {
  const principals = createPrincipals(async ({ value }) => {
    if (value === "down") throw new Error("down")
    return null
  })
  for (let i = 0; i < 100; i++) expect(await principals.read(withBearer(`junk${i}`))).toBeNull()
  await expect(Promise.resolve(principals.read(withBearer("down")))).rejects.toThrow("down")
  expect(principals.size).toBe(0)
})

test("a check that began before something was revoked is not what later requests get", async () => {
  const answers = [Promise.withResolvers<Checked | null>(), Promise.withResolvers<Checked | null>()]
  let checks = 0
  const { read, forget } = createPrincipals(() => (answers[checks++] as (typeof answers)[0]).promise)
  const before = read(withBearer("good"))
  forget(() => false)
  const after = read(withBearer("good"))
  answers[1]?.resolve(null)
  answers[0]?.resolve(checked)
  expect(await before).toBe(checked.principal)
  expect(await after).toBeNull()
  expect(checks).toBe(2)
})

test("no more than some thousands are kept", async () => {
  const principals = createPrincipals(async () => checked)
  for (let i = 0; i < 10_000; i++) await principals.read(withBearer(`good${i}`))
  expect(principals.size).toBe(4_000)
  expect(principals.read(withBearer("good9999"))).toBe(checked.principal)
})

test("nobody who is handed the user can change him for the requests that follow", async () => {
  const { read } = createPrincipals(async () => checked)
  const principal = await read(withBearer("good"))
  expect(() => Object.assign(principal?.user ?? {}, { is_admin: true })).toThrow(TypeError)
})
