export const usernameLimit = 100

/** Letters and digits of any script, and `. _ @ + -` after the first. */
export function isUsername(text: string): boolean {
  return text.length <= usernameLimit && /^[\p{L}\p{N}][\p{L}\p{M}\p{N}._@+-]*$/u.test(text)
}

export const usernameRule = `1 to ${usernameLimit} letters, digits and ". _ @ + -", a letter or digit first`

/** What is compared: "Ana" and "ana" are one name, and so are names that only look different to a computer. */
export function normalizeUsername(text: string): string {
  return text.normalize("NFKC").toLowerCase()
}
