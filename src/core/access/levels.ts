import type { Level } from "@pagoda/sdk"

/** From the least to the most; each grants those before it. */
export const levels: readonly Level[] = ["nothing", "readable", "writable", "full"]

export function grants(actual: Level, wanted: Level): boolean {
  return levels.indexOf(actual) >= levels.indexOf(wanted)
}

/** The levels that grant the wanted one. */
export function levelsGranting(wanted: Level): Level[] {
  return levels.slice(levels.indexOf(wanted))
}

export function highest(one: Level, other: Level): Level {
  return grants(one, other) ? one : other
}

/** What is left of a level under an ancestor's. */
export function lowest(one: Level, other: Level): Level {
  return grants(one, other) ? other : one
}
