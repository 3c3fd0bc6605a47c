// For `bun --preload`: a machine whose clock is set wrong by so many milliseconds. What is measured by it runs on as ever.
const shift = Number(process.env.TEST_CLOCK_SHIFT ?? 0)
const RealDate = Date

class ShiftedDate extends RealDate {
  constructor(...values: unknown[]) {
    super(...((values.length === 0 ? [RealDate.now() + shift] : values) as [number]))
  }

  static override now(): number {
    return RealDate.now() + shift
  }
}

globalThis.Date = ShiftedDate as DateConstructor
