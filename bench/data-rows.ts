import type { AttributeType, Json } from "../sdk/index.ts"

export const entityCount = 20

/** What both sides store: eight values, the same for the same number. */
export const attributes: { name: string; type: AttributeType; choices?: string[] }[] = [
  { name: "host", type: "string" },
  { name: "note", type: "text" },
  { name: "rack", type: "select", choices: Array.from({ length: 10 }, (_, rack) => `rack-${rack}`) },
  { name: "cpu", type: "number" },
  { name: "memory", type: "number" },
  { name: "is_virtual", type: "boolean" },
  { name: "installed", type: "date" },
  { name: "seen", type: "datetime" },
]

export function toName(number: number): string {
  return `server-${number}-${(number * 7919) % 100_003}`
}

/** The entries of an entity are its number, and every twentieth after it. */
export function toAttrs(number: number): Record<string, Json> {
  const place = Math.floor(number / entityCount)
  return {
    host: `host-${(number * 7919) % 99_991}.example.org`,
    note: `stands in room ${number % 97}, shelf ${number % 13}`,
    rack: `rack-${place % 10}`,
    cpu: 1 + (place % 64),
    memory: (place * 7919) % 8192,
    is_virtual: place % 2 === 0,
    installed: new Date(Date.UTC(2020, 0, 1 + (number % 2000))).toISOString().slice(0, 10),
    seen: new Date(Date.UTC(2026, 0, 1) + (number % 500_000) * 60_000).toISOString(),
  }
}
