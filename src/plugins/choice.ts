/** Which plugins of the lockfile an operator wants, as the environment says it. */
export type Choice = {
  /** `true`: all; `false`: none; a list: these alone. */
  readonly plugins: boolean | readonly string[]
  readonly whitelist: readonly string[]
  readonly blacklist: readonly string[]
}

/** Why a plugin is not even imported; nothing when it is wanted. The blacklist wins. */
export function whyNotWanted(id: string, choice: Choice): string | undefined {
  if (choice.plugins === false) return "plugins are switched off (PAGODA_PLUGINS_ENABLED)"
  if (choice.blacklist.includes(id)) return "it is on the blacklist (PAGODA_PLUGINS_BLACKLIST)"
  if (choice.whitelist.length > 0 && !choice.whitelist.includes(id)) {
    return "it is not on the whitelist (PAGODA_PLUGINS_WHITELIST)"
  }
  if (Array.isArray(choice.plugins) && !choice.plugins.includes(id)) {
    return "it is not among those enabled (PAGODA_PLUGINS_ENABLED)"
  }
}
