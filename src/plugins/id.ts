export const idPattern = /^[a-z0-9]+(?:[-_][a-z0-9]+)*$/

export const idRule = "lower-case letters and digits, joined by single - or _, at most 100 characters"

export function isPluginId(text: string): boolean {
  return text.length <= 100 && idPattern.test(text)
}
