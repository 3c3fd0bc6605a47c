import { type Claims, claimSlots } from "./claims.ts"
import type { Task } from "./task.ts"

type Held = { readonly task: Task; readonly slot: number; since: number; readonly undo: () => void }

export type HeldRunsOptions = {
  readonly claims: Claims
  /** Milliseconds after which a run that the process has not begun is taken back. */
  readonly limit: number
  /** Tasks that were taken back: their handlers have not begun there, and never will. */
  onLate(tasks: Task[]): void
}

/** The runs that one process has, or is to have. */
export class HeldRuns {
  readonly #options: HeldRunsOptions
  readonly #runs = new Map<number, Held>()
  /** Slots of runs that were taken back, until the process has said that it knows. */
  readonly #dropped = new Map<number, number>()
  #last = 0
  #isWatching = false
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(options: HeldRunsOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#runs.size
  }

  get hasRoom(): boolean {
    return this.#runs.size + this.#dropped.size < claimSlots
  }

  get jobs(): number[] {
    return [...this.#runs.values()].map(({ task }) => task.context.job.id)
  }

  get(run: number): Task | undefined {
    return this.#runs.get(run)?.task
  }

  /** Each time under a number of its own: one that was taken back may come again. */
  add(task: Task, onAbort: (run: number) => void): { run: number; slot: number } | undefined {
    const slot = this.#options.claims.offer()
    if (slot === undefined) return
    const run = ++this.#last
    const { signal } = task.context
    const listener = () => onAbort(run)
    signal.addEventListener("abort", listener)
    const undo = () => signal.removeEventListener("abort", listener)
    this.#runs.set(run, { task, slot, since: performance.now(), undo })
    this.#watch()
    return { run, slot }
  }

  take(run: number): Task | undefined {
    const held = this.#remove(run)
    if (held) this.#options.claims.free(held.slot)
    return held?.task
  }

  /** The task, if its handler had not begun: now it never will. */
  withdraw(run: number): Task | undefined {
    const held = this.#runs.get(run)
    if (!held || !this.#options.claims.withdraw(held.slot)) return
    this.#dropped.set(run, held.slot)
    return this.#remove(run)?.task
  }

  /** The process knows that it was taken back. */
  drop(run: number): void {
    const slot = this.#dropped.get(run)
    if (slot !== undefined) this.#options.claims.free(slot)
    this.#dropped.delete(run)
  }

  /** All that has not begun, and all that has. */
  end(): { back: Task[]; begun: Task[] } {
    this.stopWatching()
    const runs = [...this.#runs.keys()]
    const back = runs.flatMap((run) => this.withdraw(run) ?? [])
    return { back, begun: runs.flatMap((run) => this.take(run) ?? []) }
  }

  /** From now on the process can begin runs; those that need this plugin, only now. */
  watch(plugin?: number): void {
    this.#isWatching = true
    for (const held of this.#runs.values())
      if (plugin === undefined || held.task.plugin.key === plugin) held.since = performance.now()
    this.#watch()
  }

  stopWatching(): void {
    this.#isWatching = false
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #remove(run: number): Held | undefined {
    const held = this.#runs.get(run)
    this.#runs.delete(run)
    held?.undo()
    return held
  }

  #watch(): void {
    if (this.#isWatching) this.#timer ??= setTimeout(() => this.#check(), this.#options.limit)
  }

  #check(): void {
    const { claims, limit, onLate } = this.#options
    this.#timer = undefined
    const offered = [...this.#runs].filter(([, { slot }]) => claims.isOffered(slot))
    const before = performance.now() - limit
    const late = offered.flatMap(([run, { since }]) => (since <= before ? (this.withdraw(run) ?? []) : []))
    if (offered.length > late.length) this.#watch()
    if (late.length > 0) onLate(late)
  }
}
