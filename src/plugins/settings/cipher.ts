import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto"
import type { Json } from "@pagoda/sdk"

/** Keeps secret settings: AES-256-GCM, bound to plugin and key, so that one cannot be moved to another row. */
export type Cipher = {
  encrypt(plugin: string, key: string, value: Json): string
  /** Nothing where it is not what this key made for this plugin and key. */
  decrypt(plugin: string, key: string, stored: Json): Json | undefined
}

const algorithm = "aes-256-gcm"
const format = "v1"
/** Bytes. */
const lengths = { nonce: 12, tag: 16 }

export function createCipher(secret: Uint8Array): Cipher {
  const bindingOf = (plugin: string, key: string) => Buffer.from(JSON.stringify([format, plugin, key]))

  return {
    encrypt(plugin, key, value) {
      const nonce = randomBytes(lengths.nonce)
      const cipher = createCipheriv(algorithm, secret, nonce).setAAD(bindingOf(plugin, key))
      const hidden = Buffer.concat([cipher.update(JSON.stringify(value), "utf8"), cipher.final()])
      return [format, ...[nonce, cipher.getAuthTag(), hidden].map((bytes) => bytes.toString("base64url"))].join(".")
    },

    decrypt(plugin, key, stored) {
      if (typeof stored !== "string") return undefined
      const [found, ...parts] = stored.split(".")
      const [nonce, tag, hidden] = parts.map((part) => Buffer.from(part, "base64url"))
      if (found !== format || nonce?.length !== lengths.nonce || tag?.length !== lengths.tag || !hidden)
        return undefined
      const decipher = createDecipheriv(algorithm, secret, nonce, { authTagLength: lengths.tag })
      decipher.setAAD(bindingOf(plugin, key)).setAuthTag(tag)
      try {
        return JSON.parse(Buffer.concat([decipher.update(hidden), decipher.final()]).toString("utf8"))
      } catch {
        return undefined
      }
    },
  }
}
