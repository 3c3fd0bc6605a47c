import type { Json } from "@pagoda/sdk"
import { createLog, type Log, type LogLevel, logLevels } from "../../log.ts"
import type { ToHost } from "./messages.ts"

/** A log whose lines are the host's: it decides which of them are shown, and how. */
export function createRemoteLog(send: (message: ToHost) => void, runOf: () => number | undefined): Log {
  const write = (line: string) => send({ type: "log", line, run: runOf() })
  return createLog({ level: "debug", format: "json", write })
}

/** A line as the remote log wrote it. */
export function readRemoteLine(line: string): { level: LogLevel; message: string; fields: Record<string, Json> } {
  const { time: _, level, message, ...fields } = JSON.parse(line) as Record<string, Json>
  return { level: isLevel(level) ? level : "info", message: String(message), fields }
}

function isLevel(level: unknown): level is LogLevel {
  return logLevels.some((known) => known === level)
}
