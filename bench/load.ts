/**
 * Sends the same GET over a number of kept-alive connections for a while and counts the answers. It reads no more of an
 * answer than its status line, so that the load costs less than what it measures.
 */
export async function requestsPerSecond(
  url: string,
  options: { headers?: string; seconds: number; connections: number },
) {
  const { hostname, port, pathname } = new URL(url)
  const head = `GET ${pathname} HTTP/1.1\r\nHost: ${hostname}:${port}\r\n${options.headers ?? ""}\r\n`
  const request = new TextEncoder().encode(head)
  let answers = 0
  let wrong = 0
  let running = true

  const connect = () =>
    new Promise<void>((resolve, reject) => {
      void Bun.connect({
        hostname,
        port: Number(port),
        socket: {
          open: (socket) => void socket.write(request),
          data(socket, chunk) {
            // One request is under way on a connection, and an answer here fits one packet.
            if (chunk[9] === 0x32 && chunk[10] === 0x30 && chunk[11] === 0x30) answers++
            else wrong++
            if (running) socket.write(request)
            else socket.end()
          },
          close: () => resolve(),
          error: (_, error) => reject(error),
        },
      }).catch(reject)
    })

  const started = performance.now()
  const done = Array.from({ length: options.connections }, connect)
  await Bun.sleep(options.seconds * 1000)
  running = false
  const seconds = (performance.now() - started) / 1000
  const counted = answers
  await Promise.all(done)
  if (wrong > 0) throw new Error(`${wrong} of ${answers + wrong} answers of ${url} were not 200`)
  return counted / seconds
}
