/**
 * As `fetch`, to one of these addresses: they were checked when the name was looked up, and another look-up could have
 * another answer. The server is still asked, and has to have a certificate, for the name. Without addresses it is `fetch`.
 */
export async function fetchAt(url: string, addresses: readonly string[], init: RequestInit): Promise<Response> {
  if (addresses.length === 0) return fetch(url, init)
  const { host, hostname } = new URL(url)
  const headers = new Headers(init.headers)
  headers.set("host", host)
  const pinned = { ...init, headers, tls: { serverName: hostname.replace(/\.$/, "") } }
  const [address, ...others] = inOrder(addresses)
  try {
    return await fetch(toPlace(url, String(address)), pinned)
  } catch (error) {
    if (others.length === 0 || !isUnreachable(error)) throw error
    return fetchAt(url, others, init)
  }
}

/** Many a machine has addresses of IPv6 that lead nowhere. */
function inOrder(addresses: readonly string[]): string[] {
  return addresses.toSorted((a, b) => Number(a.includes(":")) - Number(b.includes(":")))
}

function toPlace(url: string, address: string): string {
  const place = new URL(url)
  place.hostname = address.includes(":") ? `[${address}]` : address
  return place.href
}

/** Nothing was sent yet. */
function isUnreachable(error: unknown): boolean {
  const { code } = Object(error) as { code?: unknown }
  return ["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "EADDRNOTAVAIL"].includes(String(code))
}
