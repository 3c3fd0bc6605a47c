import type { Call } from "./command.ts"

export async function doctor(call: Call): Promise<number | undefined> {
  if (call.flags["rotate-key"]) {
    const { rotateKey } = await import("./rotate-key.ts")
    return rotateKey(call)
  }
  const { diagnose } = await import("./doctor/diagnose.ts")
  return diagnose(call)
}
