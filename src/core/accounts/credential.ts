export const sessionCookie = "pagoda_session"
export const sessionSeconds = 7 * 24 * 3600
export const tokenPrefix = "pgd_"

/** What a request shows of who it is; `key` tells one from any other, however it was sent. */
export type Credential = { key: string; value: string; via: "token" | "cookie" }

const longest = 512
const authorizationForm = /^(?:Bearer|Token) +(\S+)$/i
const cookieForm = new RegExp(`(?:^|;\\s*)${sessionCookie}=([^;\\s]+)`)

/** Another scheme than ours, such as that of a proxy before us, leaves the cookie to speak. */
export function readCredential(authorization: string | null, headers: Headers): Credential | null {
  const token = authorization && authorizationForm.exec(authorization)?.[1]
  if (authorization && token) return token.length > longest ? null : { key: authorization, value: token, via: "token" }
  const cookie = headers.get("cookie")
  const value = cookie && cookieForm.exec(cookie)?.[1]
  return value && value.length <= longest ? { key: `cookie ${value}`, value, via: "cookie" } : null
}
