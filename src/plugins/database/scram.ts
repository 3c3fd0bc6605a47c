import { createHash, createHmac, pbkdf2Sync } from "node:crypto"

const iterations = 4096

/**
 * What Postgres keeps of a password (RFC 5803): given in place of the password, neither the server's log nor its activity
 * view ever has the password itself.
 */
export function toScramVerifier(password: string, salt: Uint8Array): string {
  const salted = pbkdf2Sync(password, salt, iterations, 32, "sha256")
  const clientKey = createHmac("sha256", salted).update("Client Key").digest()
  const storedKey = createHash("sha256").update(clientKey).digest("base64")
  const serverKey = createHmac("sha256", salted).update("Server Key").digest("base64")
  return `SCRAM-SHA-256$${iterations}:${Buffer.from(salt).toString("base64")}$${storedKey}:${serverKey}`
}
