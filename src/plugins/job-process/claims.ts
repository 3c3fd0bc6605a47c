/**
 * Who has a run: a byte each, in memory that the host and one job process share. A run that waits in a process which is
 * busy can so be given to another one, and never runs in both.
 */
export type Claims = {
  /** The host: a free slot, now on offer; nothing when all are taken. */
  offer(): number | undefined
  /** The process, right before a handler begins: `false` when the host took the run back. */
  claim(slot: number): boolean
  /** The process, as long as it loads what the run needs; `false` as for `claim`. */
  hold(slot: number): boolean
  /** The process: what it held is on offer again. */
  release(slot: number): void
  /** The host: `false` when the process was faster. */
  withdraw(slot: number): boolean
  isOffered(slot: number): boolean
  free(slot: number): void
}

export const claimSlots = 4096

const state = { free: 0, offered: 1, held: 2, claimed: 3, withdrawn: 4 }

/** @param file has `claimSlots` bytes; it may be removed once both sides have opened it */
export function openClaims(file: string): Claims {
  const slots = Bun.mmap(file, { shared: true })
  let last = 0
  const change = (slot: number, from: number, to: number) => Atomics.compareExchange(slots, slot, from, to) === from
  return {
    offer() {
      for (let tried = 0; tried < claimSlots; tried++) {
        last = (last + 1) % claimSlots
        if (change(last, state.free, state.offered)) return last
      }
    },
    claim: (slot) => change(slot, state.offered, state.claimed),
    hold: (slot) => change(slot, state.offered, state.held),
    release: (slot) => void change(slot, state.held, state.offered),
    withdraw: (slot) => change(slot, state.offered, state.withdrawn),
    isOffered: (slot) => Atomics.load(slots, slot) === state.offered,
    free: (slot) => void Atomics.store(slots, slot, state.free),
  }
}
