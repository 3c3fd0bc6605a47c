import { lookup } from "node:dns/promises"
import ipaddr from "ipaddr.js"
import { PagodaError } from "../../errors.ts"
import { isLoopback, readUrl } from "../source/url.ts"
import { readForeignEnvironment } from "./registry.ts"

/**
 * The host that a source's URL may reach although it is private: only one that the URL names as it is, `127.0.0.1` or
 * `localhost`, not a name that happens to lead there.
 */
export function toPermittedHost(url: string): string | undefined {
  const { hostname } = new URL(url)
  if (hostname === "localhost") return hostname
  const address = toAddress(hostname)
  return address && !isPublic(address) ? hostname : undefined
}

/**
 * Refuses what must not be asked for: plain `http:` off loopback, credentials, and private addresses. A name is looked up
 * and each of its addresses checked; they are given, so that none but these is connected to. None where the URL has the
 * address itself, and where a proxy connects.
 */
export async function checkAddress(url: string, permitted: string | undefined): Promise<string[]> {
  const read = readUrl(url, ["https:", "http:"])
  if (typeof read === "string") throw refuse(url, read)
  const { hostname, protocol } = read
  if (protocol === "http:" && !isLoopback(hostname))
    throw refuse(url, 'plain "http:" is for loopback only, wanted "https:"')
  if (hostname === permitted) return []
  const literal = toAddress(hostname)
  const addresses = literal ? [literal] : await findAddresses(url, hostname)
  for (const address of addresses) {
    if (isPublic(address)) continue
    const leads = literal ? "is" : `leads to "${address}", which is`
    throw refuse(
      url,
      `"${hostname}" ${leads} a private address (${ipaddr.parse(address).range()}), wanted a public one`,
    )
  }
  return literal ? [] : addresses
}

/** Whether an address is one of the open internet, seen through the ways to write an IPv4 address as an IPv6 one. */
export function isPublic(address: string): boolean {
  const parsed = ipaddr.process(address)
  const range = parsed.range()
  if (range === "rfc6052") return isPublic(parsed.toByteArray().slice(12).join("."))
  return range === "unicast"
}

function toAddress(hostname: string): string | undefined {
  const bare = hostname.replace(/^\[|\]$/g, "")
  return ipaddr.isValid(bare) ? bare : undefined
}

/** Behind a proxy, only that knows names. */
async function findAddresses(url: string, hostname: string): Promise<string[]> {
  if (/(?:^|\.)localhost\.?$/.test(hostname)) return ["127.0.0.1"]
  const { HTTPS_PROXY, https_proxy } = readForeignEnvironment()
  if (HTTPS_PROXY || https_proxy) return []
  try {
    return (await lookup(hostname, { all: true })).map(({ address }) => address)
  } catch (cause) {
    throw new PagodaError("SOURCE_UNREACHABLE", `Cannot fetch "${toShown(url)}": "${hostname}" has no address`, {
      cause,
    })
  }
}

function refuse(url: string, why: string): PagodaError {
  return new PagodaError("SOURCE_REFUSED", `Cannot fetch "${toShown(url)}": ${why}`)
}

/** A URL in a message: without what may be a secret. */
export function toShown(url: string): string {
  return url.replace(/\/\/[^/@]*@/, "//…@")
}
