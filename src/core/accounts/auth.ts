import { apiKey } from "@better-auth/api-key"
import { betterAuth } from "better-auth"
import { drizzleAdapter } from "better-auth/adapters/drizzle"
import { username } from "better-auth/plugins/username"
import type { Database } from "../../db/database.ts"
import type { Log } from "../../log.ts"
import { isUsername, normalizeUsername, usernameLimit } from "../../username.ts"
import { sessionSeconds, tokenPrefix } from "./credential.ts"

export type AuthOptions = { database: Database; secret: string; log: Log }
export type Auth = ReturnType<typeof openAuth>

/** better-auth, for what it does at a login and when a token is made; its own routes are not mounted. */
export function openAuth({ database: { db, dialect, tables }, secret, log }: AuthOptions) {
  return betterAuth({
    secret,
    secrets: [{ version: 1, value: secret }],
    baseURL: "http://localhost",
    database: drizzleAdapter(db, {
      provider: dialect === "sqlite" ? "sqlite" : "pg",
      schema: tables,
      transaction: true,
    }),
    emailAndPassword: { enabled: true, maxPasswordLength: 1024 },
    session: { expiresIn: sessionSeconds },
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    plugins: [
      username({
        minUsernameLength: 1,
        maxUsernameLength: usernameLimit,
        usernameValidator: isUsername,
        usernameNormalization: normalizeUsername,
      }),
      apiKey({
        defaultPrefix: tokenPrefix,
        maximumNameLength: 200,
        rateLimit: { enabled: false },
        startingCharactersConfig: { shouldStore: false },
      }),
    ],
    // Only the sentence: what else it would print can hold credentials.
    logger: {
      level: "warn",
      log: (level, message) => log[level === "error" ? "error" : "debug"](`better-auth: ${message}`),
    },
  })
}
