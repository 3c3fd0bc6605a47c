const schemes = new Set(["http", "https", "mailto", "tel"])

/** Whether following it runs nothing. What browsers drop before they look at the scheme is dropped here as well. */
export function isSafeAddress(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a browser drops
  const seen = text.replace(/[\u0000-\u0020]/g, "").toLowerCase()
  const scheme = /^([^/?#:]*):/.exec(seen)?.[1]
  return scheme === undefined || schemes.has(scheme) || /^data:image\/(?:png|jpeg|gif|webp|avif)[;,]/.test(seen)
}
