const safe = new Set(["GET", "HEAD", "OPTIONS"])

/**
 * Whether a browser sent this from one of our own pages, or it changes nothing. Without both headers it was no browser:
 * every browser of today sends one of them (the rule of Go's `http.CrossOriginProtection`).
 */
export function isSameOrigin({ method, headers }: Request): boolean {
  if (safe.has(method) && !headers.has("upgrade")) return true
  const site = headers.get("sec-fetch-site")
  if (site !== null) return site === "same-origin" || site === "none"
  const origin = headers.get("origin")
  return origin === null || hostOf(origin) === headers.get("host")
}

function hostOf(origin: string): string | undefined {
  return URL.parse(origin)?.host
}
