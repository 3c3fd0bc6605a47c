import { isBuiltin } from "node:module"

/**
 * What a permission that starts with `import:` lets a plugin of the `in-process` tier use:
 *
 * | permission | lets |
 * | --- | --- |
 * | `import:node:fs` (or `import:fs`), `import:node:fs/promises`, … | this builtin, imported or required, with or without `node:` |
 * | `import:Bun` (or `import:bun`) | the global `Bun` and the module `bun` |
 * | `import:bun:sqlite`, `import:bun:ffi`, … | this builtin of Bun |
 * | `import:process`, `import:fetch`, `import:WebSocket`, `import:Worker`, … | the global of this name |
 * | `import:eval`, `import:Function` | code made of strings |
 * | `import:require` | `require` with what is not known before, `require.resolve`, `require` as a value |
 * | `import:import()` | `import()` with what is not known before |
 * | `import:import.meta` | `import.meta` |
 * | `import:with:text`, `import:with:bytes`, … | import attributes with this type (`json` is free, `macro` is never let) |
 * | `import:globalThis`, `import:self`, `import:global` | the real global object instead of one of the free names |
 */
const prefix = "import:"

/** ECMAScript, and those web globals that reach nothing outside. */
export const freeNames: readonly string[] = [
  "undefined NaN Infinity isNaN isFinite parseInt parseFloat encodeURI encodeURIComponent decodeURI decodeURIComponent escape unescape",
  "Object Array String Number Boolean Symbol BigInt Math JSON Date RegExp Map Set WeakMap WeakSet WeakRef FinalizationRegistry",
  "Promise Proxy Reflect Intl Iterator AsyncIterator Temporal Atomics DisposableStack AsyncDisposableStack",
  "hasOwnProperty isPrototypeOf propertyIsEnumerable toLocaleString toString valueOf",
  "Error TypeError RangeError SyntaxError EvalError URIError ReferenceError AggregateError SuppressedError DOMException",
  "ArrayBuffer SharedArrayBuffer DataView Int8Array Uint8Array Uint8ClampedArray Int16Array Uint16Array Int32Array Uint32Array",
  "Float16Array Float32Array Float64Array BigInt64Array BigUint64Array",
  "URL URLSearchParams URLPattern TextEncoder TextDecoder TextEncoderStream TextDecoderStream atob btoa structuredClone",
  "Request Response Headers FormData Blob File WebAssembly Buffer",
  "ReadableStream ReadableStreamDefaultReader ReadableStreamDefaultController ReadableStreamBYOBReader ReadableStreamBYOBRequest",
  "ReadableByteStreamController WritableStream WritableStreamDefaultWriter WritableStreamDefaultController TransformStream",
  "TransformStreamDefaultController ByteLengthQueuingStrategy CountQueuingStrategy CompressionStream DecompressionStream",
  "AbortController AbortSignal Event EventTarget CustomEvent ErrorEvent MessageEvent CloseEvent MessageChannel MessagePort",
  "setTimeout clearTimeout setInterval clearInterval setImmediate clearImmediate queueMicrotask",
  "crypto Crypto CryptoKey SubtleCrypto performance Performance PerformanceEntry PerformanceMark PerformanceMeasure",
].flatMap((line) => line.split(" "))

const free = new Set(freeNames)

export function isFree(name: string): boolean {
  return free.has(name)
}

/** Names of the global object: they become an object of the free names. */
export const globalNames = ["globalThis", "self", "global"] as const

/** The `import:` permissions of what an operator granted. */
export function toImportGrants(grants: readonly string[]): ReadonlySet<string> {
  return new Set(grants.filter((grant) => grant.startsWith(prefix)))
}

export function isGranted(name: string, grants: ReadonlySet<string>): boolean {
  return permissionsFor(name).some((permission) => grants.has(permission))
}

/** The permission as it is asked for and shown. */
export function permissionFor(name: string): string {
  return permissionsFor(name)[0] as string
}

/** A builtin's one name; nothing when the specifier is none. */
export function toBuiltin(specifier: string): string | undefined {
  if (specifier === "bun" || specifier.startsWith("bun:")) return specifier
  if (specifier.startsWith("node:")) return specifier
  return isBuiltin(specifier) ? `node:${specifier}` : undefined
}

function permissionsFor(name: string): string[] {
  if (name === "bun" || name === "Bun") return ["import:Bun", "import:bun"]
  if (name.startsWith("node:")) return [prefix + name, prefix + name.slice(5)]
  return [prefix + name]
}
