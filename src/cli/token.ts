import type { User } from "@pagoda/sdk"
import { freshMs } from "../core/accounts/principals.ts"
import type { Accounts } from "../core/accounts.ts"
import { PagodaError } from "../errors.ts"
import type { Call } from "./command.ts"
import { withAccounts } from "./open.ts"
import { print, printJson, say } from "./output.ts"

export async function createToken({ args: [username = ""], flags, config, log }: Call): Promise<undefined> {
  const token = await withAccounts(config, log, async (accounts) => {
    return accounts.tokens.create(await getUser(accounts, username), { name: (flags.name as string) ?? "pagoda" })
  })
  if (flags.json) return void (await printJson(token))
  await say(`Made the token "${token.name}" (${token.id}) of "${username}". It is shown only now:`)
  await print(token.token)
}

export async function listTokens({ args: [username = ""], flags, config, log }: Call): Promise<undefined> {
  const tokens = await withAccounts(config, log, async (accounts) =>
    accounts.tokens.list(await getUser(accounts, username)),
  )
  if (flags.json) return void (await printJson(tokens))
  const lines = tokens.map(({ id, name, created_at, expires_at }) => {
    return `  ${id}  ${name}  made ${created_at}${expires_at ? `, ends ${expires_at}` : ""}`
  })
  await print(lines.join("\n") || `"${username}" has no tokens.`)
}

export async function revokeToken({ args: [id = ""], config, log }: Call): Promise<undefined> {
  await withAccounts(config, log, (accounts) => accounts.tokens.revoke(operator, id))
  await print(`Revoked the token ${id}; a host that runs refuses it within ${freshMs / 1000} s.`)
}

/** Who sits at the command line may read the database: an administrator by nature. */
const operator: User = { id: "", username: "", email: null, is_admin: true, is_readonly: false, is_active: true }

async function getUser(accounts: Accounts, username: string): Promise<User> {
  const user = await accounts.findUser(username)
  if (user) return user
  throw new PagodaError("NOT_FOUND", `There is no user "${username}"; run "pagoda user create ${username}" to make one`)
}
