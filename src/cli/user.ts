import type { Call } from "./command.ts"
import { withAccounts } from "./open.ts"
import { print, printJson, say } from "./output.ts"

export async function createUser({ args: [username = ""], flags, config, log }: Call): Promise<undefined> {
  const { user, password } = await withAccounts(config, log, (accounts) =>
    accounts.createUser({ username, is_admin: flags.admin === true }),
  )
  if (flags.json) return void (await printJson({ ...user, password }))
  await say(`Made the ${user.is_admin ? "administrator" : "user"} "${user.username}". The password is shown only now:`)
  await print(password ?? "")
}
