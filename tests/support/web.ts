export type Web = {
  /** `http://127.0.0.1:<port>` */
  readonly url: string
  readonly requests: readonly string[]
  /** What a path answers from now on. */
  set(path: string, answer: Answer): void
  stop(): Promise<void>
}

/** A module's text, or what to answer instead. */
export type Answer = string | ((request: Request) => Response | Promise<Response>)

/** A web server on loopback with these modules; a path that is not there answers 404. */
export function startWeb(answers: Record<string, Answer> = {}): Web {
  const known = new Map(Object.entries(answers))
  const requests: string[] = []
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      const { pathname, search } = new URL(request.url)
      requests.push(pathname + search)
      const answer = known.get(pathname)
      if (answer === undefined) return new Response("not found", { status: 404 })
      if (typeof answer === "function") return answer(request)
      return new Response(answer, { headers: { "content-type": "text/javascript" } })
    },
  })
  return {
    url: `http://127.0.0.1:${server.port}`,
    requests,
    set: (path, answer) => void known.set(path, answer),
    stop: () => server.stop(true),
  }
}

export function redirect(location: string): Answer {
  return () => new Response(null, { status: 302, headers: { location } })
}
