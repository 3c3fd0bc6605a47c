export type Metrics = {
  /** The value of the one sample with this name and these labels, and no others. */
  value(name: string, labels?: Record<string, string>): number | undefined
  /** The samples with this name, whatever their labels are. */
  all(name: string): { labels: Record<string, string>; value: number }[]
}

type Sample = { name: string; labels: Record<string, string>; value: number }
type Family = { name: string; type: string; samples: Sample[] }

const line = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/
const pair = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y

/** Prometheus's text format, version 0.0.4, without mercy: throws at whatever a scraper could take amiss. */
export function parseExposition(text: string): Metrics {
  if (!text.endsWith("\n")) throw new Error("The last line does not end")
  const families: Family[] = []
  let help: string | undefined
  for (const row of text.slice(0, -1).split("\n")) {
    const [, comment, name = "", rest = ""] = row.match(/^# (HELP|TYPE) (\S+) (.+)$/) ?? []
    if (comment === "HELP") help = name
    else if (comment === "TYPE") {
      if (help !== name) throw new Error(`No HELP before TYPE of "${name}"`)
      if (families.some((family) => family.name === name)) throw new Error(`"${name}" comes twice`)
      if (!["counter", "gauge", "histogram"].includes(rest)) throw new Error(`"${rest}" is no type`)
      families.push({ name, type: rest, samples: [] })
    } else addSample(families.at(-1), parseSample(row))
  }
  for (const family of families) checkFamily(family)
  const samples = families.flatMap((family) => family.samples)
  return {
    value: (name, labels = {}) =>
      samples.find((sample) => sample.name === name && toKey(sample.labels) === toKey(labels))?.value,
    all: (name) => samples.filter((sample) => sample.name === name),
  }
}

function parseSample(row: string): Sample {
  const [, name, text = "", number] = row.match(line) ?? []
  if (!name) throw new Error(`"${row}" is no line`)
  const value = Number(number)
  if (!Number.isFinite(value)) throw new Error(`"${row}" has no value`)
  const labels: Record<string, string> = {}
  pair.lastIndex = 0
  for (let at = 0; at < text.length; at = pair.lastIndex) {
    const [, label = "", escaped = ""] = pair.exec(text) ?? []
    if (!label || label in labels) throw new Error(`"${row}" has labels that cannot be read`)
    labels[label] = escaped.replace(/\\(.)/g, (_, char) => (char === "n" ? "\n" : char))
  }
  return { name, labels, value }
}

function addSample(family: Family | undefined, sample: Sample): void {
  const suffixes = family?.type === "histogram" ? ["_bucket", "_sum", "_count"] : [""]
  if (!family || !suffixes.some((suffix) => sample.name === family.name + suffix))
    throw new Error(`"${sample.name}" is not part of "${family?.name}"`)
  if (family.samples.some((other) => other.name === sample.name && toKey(other.labels) === toKey(sample.labels)))
    throw new Error(`"${sample.name}" with ${toKey(sample.labels)} comes twice`)
  family.samples.push(sample)
}

function checkFamily({ name, type, samples }: Family): void {
  if (type === "counter" && !name.endsWith("_total")) throw new Error(`The counter "${name}" has no "_total"`)
  if (type !== "gauge" && samples.some(({ value }) => value < 0)) throw new Error(`"${name}" counts backwards`)
  if (type !== "histogram") return
  const series = new Map<string, Sample[]>()
  for (const sample of samples) {
    const { le: _, ...labels } = sample.labels
    const key = toKey(labels)
    series.set(key, [...(series.get(key) ?? []), sample])
  }
  for (const [key, all] of series) {
    const buckets = all.filter((sample) => sample.name === `${name}_bucket`)
    const bounds = buckets.map(({ labels }) => (labels.le === "+Inf" ? Number.POSITIVE_INFINITY : Number(labels.le)))
    const counts = buckets.map(({ value }) => value)
    const isAscending = (list: number[]) => list.every((value, at) => at === 0 || value >= (list[at - 1] as number))
    const total = all.find((sample) => sample.name === `${name}_count`)?.value
    const hasSum = all.some((sample) => sample.name === `${name}_sum`)
    if (bounds.at(-1) !== Number.POSITIVE_INFINITY || !isAscending(bounds) || bounds.some(Number.isNaN))
      throw new Error(`"${name}" ${key} has buckets without order or end`)
    if (!isAscending(counts) || counts.at(-1) !== total || !hasSum) throw new Error(`"${name}" ${key} does not add up`)
  }
}

function toKey(labels: Record<string, string>): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))
}
