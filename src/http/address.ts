const SLASH = 47

/**
 * Whether a request's URL is one. It is only a path where the request names no host, or one with characters that no host
 * has; other hosts that are none, such as "a:99999", stand in it as they are.
 */
export function createAddressCheck(): (url: string) => boolean {
  // most requests name the host that the one before named
  let last = "http://localhost/"
  return (url) => {
    if (url.startsWith(last)) return true
    if (url.charCodeAt(0) === SLASH) return false
    const origin = url.slice(0, url.indexOf("/", "http://".length) + 1)
    if (!URL.canParse(origin)) return false
    last = origin
    return true
  }
}
