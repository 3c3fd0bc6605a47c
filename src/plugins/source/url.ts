/** A URL with one of these protocols, a host and no secret in it, or why it is none. */
export function readUrl(text: string, protocols: readonly string[]): URL | string {
  const url = URL.parse(text)
  if (!url) return "it is no URL"
  if (!protocols.includes(url.protocol))
    return `"${url.protocol}" is not allowed, wanted ${protocols.map((each) => `"${each}"`).join(" or ")}`
  if (url.password || (url.username && url.protocol !== "ssh:")) return "it has credentials in it: leave them out"
  if (url.protocol === "file:") {
    if (url.hostname) return `it names the host "${url.hostname}", wanted three slashes: "file:///<folder>"`
  } else if (!/^[a-z0-9_[]/i.test(url.hostname)) return `it names no host, but "${url.hostname}"`
  return url
}

export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname)
}
