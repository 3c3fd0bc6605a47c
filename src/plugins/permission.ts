const known =
  /^(?:entities:(?:read|write)|entries:(?:read|write)|users:read|jobs:create|db|system|(?:net|env|import):\S+)$/

/** What is wanted instead of a permission that grants nothing, whatever asks; nothing where it is one. */
export function findWanted(permission: string): string | undefined {
  if (!known.test(permission)) return 'a permission such as "jobs:create"'
  if (!permission.startsWith("net:")) return undefined
  const host = permission.slice("net:".length)
  if (host.includes("*")) return "each host by its whole name"
  if (toHost(host.includes(":") ? `https://[${host}]` : `https://${host}`) === host) return undefined
  const meant = toHost(host) || toHost(`https://${host}`)
  return `a host as a URL has it${meant ? `: "net:${meant}"` : ", without more of the URL"}`
}

function toHost(url: string): string | undefined {
  return URL.parse(url)?.hostname.replace(/^\[|\]$/g, "")
}
