/** An object whose parts are made when they are first asked for: a start pays for those it uses. */
export function onDemand<Parts extends object>(makers: { readonly [Name in keyof Parts]: () => Parts[Name] }): Parts {
  const parts = {}
  for (const [name, make] of Object.entries<() => unknown>(makers)) {
    const get = () => {
      const value = make()
      Object.defineProperty(parts, name, { value, enumerable: true })
      return value
    }
    Object.defineProperty(parts, name, { get, enumerable: true, configurable: true })
  }
  return parts as Parts
}
