import type postgres from "postgres"
import { toInteger, toReal } from "./values.ts"

const oids = { bool: 16, bytea: 17, int8: 20, int2: 21, int4: 23, oid: 26, float4: 700, float8: 701 }
const oidOfTimestamptz = 1184
const oidOfNumeric = 1700

/**
 * Makes a client answer plain JSON, the same as SQLite does: whole numbers and fractions are numbers, bytes are hex, a
 * point in time is ISO 8601. Everything else, JSON included, is the text that Postgres has for it.
 */
export function usePlainTypes(client: postgres.Sql): void {
  const { parsers, serializers } = client.options as unknown as Record<"parsers" | "serializers", object>
  const number = (text: string) => toReal(Number(text))
  const whole = (text: string) => toInteger(BigInt(text))
  // in place: its connections hold these very objects
  become(parsers, {
    [oids.bool]: (text: string) => text === "t",
    [oids.bytea]: (text: string) => text.slice("\\x".length),
    [oids.int8]: whole,
    [oids.int2]: whole,
    [oids.int4]: whole,
    [oids.oid]: whole,
    [oids.float4]: number,
    [oids.float8]: number,
    [oidOfTimestamptz]: toTime,
    [oidOfNumeric]: (text: string) => (/^-?\d+$/.test(text) ? whole(text) : number(text)),
  })
  // whatever the server takes a value to be, it reads the text that we send
  become(serializers, {})
}

function become(object: object, members: object): void {
  for (const key of Object.keys(object)) Reflect.deleteProperty(object, key)
  Object.assign(object, members)
}

/** `infinity` and years before our era stay as they are. */
function toTime(text: string): string {
  const time = new Date(text.replace(" ", "T").replace(/([+-]\d\d)$/, "$1:00"))
  return Number.isNaN(time.getTime()) ? text : time.toISOString()
}
