import { expect, test } from "bun:test"
import { hasSri, isSri, parseSri, toHex, toSri } from "../../src/plugins/integrity.ts"

const bytes = new TextEncoder().encode("abc")
const sri = "sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw=="

test("toSri() is the SHA-512 in base64, as openssl prints it", () => {
  expect(toSri(bytes)).toBe(sri)
  expect(toSri("abc")).toBe(sri)
  expect(toHex(sri)).toStartWith("ddaf35a193617abacc417349ae204131")
})

test("isSri() takes only whole, canonical SHA-512", () => {
  expect(isSri(sri)).toBe(true)
  for (const other of ["", "sha512-", `${sri}=`, sri.slice(0, -1), sri.replace("w==", "x=="), "sha256-abc", ` ${sri}`])
    expect(isSri(other)).toBe(false)
})

test("hasSri() knows the older algorithms of registries and takes the strongest of several", () => {
  expect(hasSri(bytes, "sha1-qZk+NkcGgWq6PiVxeFDCbJzQ2J0=")).toBe(true)
  expect(hasSri(bytes, "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=")).toBe(true)
  expect(hasSri(bytes, `sha1-AAAANkcGgWq6PiVxeFDCbJzQ2J0= ${sri}`)).toBe(true)
  expect(hasSri(new Uint8Array(), sri)).toBe(false)
})

test("what is no SRI is refused by name", () => {
  for (const text of ["", "md5-abc", "sha512-short", "sha512"])
    expect(() => parseSri(text)).toThrow(`"${text}" is no SRI`)
  expect(() => toHex("../..")).toThrow("wanted")
})
