import type { Histogram } from "./histogram.ts"

export type Labels = Readonly<Record<string, string | number>>
export type Sample = readonly [labels: Labels, value: number]

/** One name with all that is known of it. */
export type Family = { name: string; help: string } & (
  | { type: "counter" | "gauge"; samples: readonly Sample[] }
  | { type: "histogram"; samples: readonly (readonly [labels: Labels, value: Histogram])[] }
)

export const expositionType = "text/plain; version=0.0.4; charset=utf-8"

/** Prometheus's text format: https://prometheus.io/docs/instrumenting/exposition_formats */
export function toExposition(families: readonly Family[]): string {
  return families.map(toText).join("")
}

function toText(family: Family): string {
  const { name, help, type } = family
  const lines = [`# HELP ${name} ${escapeText(help)}`, `# TYPE ${name} ${type}`]
  if (family.type === "histogram") {
    for (const [labels, histogram] of family.samples) lines.push(...toHistogram(name, labels, histogram))
  } else for (const [labels, value] of family.samples) lines.push(toLine(name, labels, value))
  return `${lines.join("\n")}\n`
}

function toHistogram(name: string, labels: Labels, { bounds, counts, sum }: Histogram): string[] {
  let total = 0
  const buckets = counts.map((count, at) => {
    total += count
    return toLine(`${name}_bucket`, { ...labels, le: bounds[at] ?? "+Inf" }, total)
  })
  return [...buckets, toLine(`${name}_sum`, labels, sum), toLine(`${name}_count`, labels, total)]
}

function toLine(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(
    ([label, text]) => `${label}="${escapeText(String(text)).replaceAll('"', '\\"')}"`,
  )
  return `${name}${pairs.length > 0 ? `{${pairs.join(",")}}` : ""} ${value}`
}

function escapeText(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")
}
