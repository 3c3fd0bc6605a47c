import { join } from "node:path"
import { jobProcessCommand } from "./messages.ts"
import type { Program } from "./spawn.ts"

/** What programs need that plugins start where they were granted to; nothing here is a secret of Pagoda's. */
const shared = [
  ["PATH", "HOME", "USER", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"],
  ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"],
  ["SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS"],
].flat()

/** This program once more, as a job process. */
export function toJobProgram(env: Readonly<Record<string, string | undefined>>, folder: string): Program {
  const isCompiled = import.meta.path.startsWith("/$bunfs/")
  const main = join(import.meta.dir, "../../main.ts")
  return {
    // a ".env" in the working folder would bring in what is left out below
    command: [process.execPath, ...(isCompiled ? [] : ["--no-env-file", main]), jobProcessCommand],
    env: Object.fromEntries(shared.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]]))),
    folder,
  }
}
