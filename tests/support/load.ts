/** What one request of a load got; `status` 0: no answer at all. */
export type Sample = { path: string; status: number; text: string }

/** A load that goes on, until `stop` gives all that it got. */
export type Load = {
  /** Waits until so many more were sent. */
  more(count: number): Promise<void>
  stop(): Promise<Sample[]>
}

/** Asks these paths in turn, so often a second, whether there were answers or not. */
export function startLoad(url: string, paths: readonly string[], perSecond = 200): Load {
  const samples: Promise<Sample>[] = []
  const started = performance.now()
  const send = () => {
    const due = ((performance.now() - started) / 1000) * perSecond
    while (samples.length < due) samples.push(ask(url, paths[samples.length % paths.length] as string))
  }
  const timer = setInterval(send, 5)
  return {
    async more(count) {
      const wanted = samples.length + count
      while (samples.length < wanted) await Bun.sleep(5)
    },
    stop() {
      clearInterval(timer)
      return Promise.all(samples)
    },
  }
}

async function ask(url: string, path: string): Promise<Sample> {
  try {
    const response = await fetch(url + path)
    return { path, status: response.status, text: await response.text() }
  } catch (error) {
    return { path, status: 0, text: String(error) }
  }
}

/** How often each answer came, such as `{"200 1.0.0": 40}`. */
export function tally(samples: Sample[], path: string): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { status, text } of samples.filter((sample) => sample.path === path)) {
    const key = status === 200 ? `200 ${text}` : status === 404 ? "404" : `${status} ${text}`
    counts[key] = (counts[key] ?? 0) + 1
  }
  return counts
}
