import { makeFolder, writeFiles } from "./folder.ts"

export type Repository = {
  readonly folder: string
  /** Writes the files, commits everything and gives the 40-hex commit. */
  commit(files: Record<string, string | Uint8Array>): Promise<string>
  /** Runs `git` in the repository. */
  git(...args: string[]): Promise<string>
}

/** A real git repository in a temporary folder, on the branch `main`. */
export async function makeRepository(): Promise<Repository> {
  const folder = await makeFolder()
  const git = (...args: string[]) => runGit(folder, args)
  await git("init", "--quiet", "--initial-branch=main")
  return {
    folder,
    git,
    async commit(files) {
      await writeFiles(folder, files)
      await git("add", "--all", "--force")
      await git("commit", "--quiet", "--allow-empty", "--message=test")
      return (await git("rev-parse", "HEAD")).trim()
    },
  }
}

async function runGit(folder: string, args: string[]): Promise<string> {
  const child = Bun.spawn(["git", "-C", folder, ...args], {
    env: {
      PATH: process.env.PATH ?? "",
      HOME: folder,
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_AUTHOR_NAME: "test",
      GIT_AUTHOR_EMAIL: "test@example.com",
      GIT_COMMITTER_NAME: "test",
      GIT_COMMITTER_EMAIL: "test@example.com",
    },
    stdout: "pipe",
    stderr: "pipe",
  })
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  if (code !== 0) throw new Error(`git ${args.join(" ")}: ${err}`)
  return out
}
