/** What the n-th request is; answers are read to their end, so that the next one is asked when the last has come. */
export type Load = { connections: number; seconds: number; request(number: number): string }

/** Requests answered with 2xx a second, over kept-alive connections, one request under way on each. */
export async function answersPerSecond(url: string, { connections, seconds, request }: Load): Promise<number> {
  const { hostname, port } = new URL(url)
  const state = { sent: 0, answers: 0, wrong: "", running: true }
  const connect = () =>
    new Promise<void>((resolve, reject) => {
      let missing = 0
      let head = ""
      void Bun.connect({
        hostname,
        port: Number(port),
        socket: {
          open: (socket) => void socket.write(request(state.sent++)),
          data(socket, chunk) {
            if (missing > 0) {
              missing -= chunk.byteLength
            } else {
              head += chunk.toString("latin1")
              const end = head.indexOf("\r\n\r\n")
              if (end < 0) return
              const length = /content-length: (\d+)/i.exec(head)?.[1]
              missing = Number(length ?? 0) - (head.length - end - 4)
              if (!head.startsWith("HTTP/1.1 2") || length === undefined) state.wrong = head
              head = ""
            }
            if (missing > 0) return
            state.answers++
            if (state.running && !state.wrong) socket.write(request(state.sent++))
            else socket.end()
          },
          close: () => resolve(),
          error: (_, error) => reject(error),
        },
      }).catch(reject)
    })

  const began = performance.now()
  const done = Array.from({ length: connections }, connect)
  await Bun.sleep(seconds * 1000)
  state.running = false
  const { answers } = state
  const took = (performance.now() - began) / 1000
  await Promise.all(done)
  if (state.wrong) throw new Error(`An answer of ${url} was not a whole 2xx: ${state.wrong.slice(0, 500)}`)
  return answers / took
}

export function toGet(path: string, headers = ""): string {
  return `GET ${path} HTTP/1.1\r\nHost: bench\r\n${headers}\r\n`
}

export function toPost(path: string, body: unknown, headers = ""): string {
  const text = JSON.stringify(body)
  return `POST ${path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n${headers}\r\n${text}`
}
