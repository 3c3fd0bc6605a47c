import fc from "fast-check"

const units = ["'", '"', "=", "+", "-", "@", "\t", "\r", "\n", ",", ";", "\\", "\0", "＝", "\uD800", "\uFEFF", "a", " "]

/** What breaks files: quotes, delimiters, formulas, halves of characters, NUL, and what looks like an escape of ours. */
export const nastyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: fc.constantFrom(...units) }),
  fc.string({ unit: fc.constantFrom("\0", "\uD800", '"', "a") }).map((text) => JSON.stringify(text)),
  fc.constantFrom("", "null", "true", "0", "[]", "{}", "=1+1", "'=1+1", "''", "'tis", '"\\u0000"', "\r", "\n"),
)
