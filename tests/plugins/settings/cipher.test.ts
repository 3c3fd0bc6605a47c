import { describe, expect, test } from "bun:test"
import { deriveKey } from "../../../src/core/secret-key.ts"
import { createCipher } from "../../../src/plugins/settings/cipher.ts"

const cipher = createCipher(deriveKey("a", "plugin-settings"))

describe("createCipher()", () => {
  test.each([["a string"], [0], [null], [{ deep: ["ü", 1, null, true] }]])(
    "gives back what it was given: %p",
    (value) => {
      const stored = cipher.encrypt("p", "KEY", value)
      expect(stored).toStartWith("v1.")
      expect(cipher.decrypt("p", "KEY", stored)).toEqual(value)
    },
  )

  test("the same value is never stored as the same text", () => {
    expect(cipher.encrypt("p", "KEY", "x")).not.toBe(cipher.encrypt("p", "KEY", "x"))
  })

  test("nothing comes back for another key, plugin or setting, nor where one character differs", () => {
    const stored = cipher.encrypt("p", "KEY", "the value")
    expect(createCipher(deriveKey("b", "plugin-settings")).decrypt("p", "KEY", stored)).toBeUndefined()
    expect(cipher.decrypt("q", "KEY", stored)).toBeUndefined()
    expect(cipher.decrypt("p", "KEYS", stored)).toBeUndefined()
    for (let at = 0; at < stored.length - 1; at++) {
      const other = stored[at] === "A" ? "B" : "A"
      const found = cipher.decrypt("p", "KEY", stored.slice(0, at) + other + stored.slice(at + 1))
      // the last character of each part has bits that mean nothing
      if (stored[at + 1] !== ".") expect(found).toBeUndefined()
    }
  })

  test.each([[null], [7], [""], ["v1"], ["v1.."], ["v1.a.b.c"], ["v2.x.y.z"], ["no cipher at all"]])(
    "nothing comes back of %p",
    (stored) => {
      expect(cipher.decrypt("p", "KEY", stored)).toBeUndefined()
    },
  )
})
