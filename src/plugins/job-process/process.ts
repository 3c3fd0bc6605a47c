import type { Json } from "@pagoda/sdk"
import { toMessage } from "../../errors.ts"
import { InterruptedError } from "../../jobs/interruption.ts"
import { ReturnedText } from "../../jobs/text.ts"
import type { Log } from "../../log.ts"
import type { Settings } from "../settings.ts"
import { answerCall, refuseCall } from "./calls.ts"
import { HeldRuns } from "./held-runs.ts"
import type { Limits } from "./limits.ts"
import type { Call, Ended, ToHost } from "./messages.ts"
import { readRemoteLine } from "./remote-log.ts"
import { type Channel, type Program, spawnJobProcess } from "./spawn.ts"
import type { PluginEntry, Task } from "./task.ts"
import { fromThrown } from "./thrown.ts"

export type JobProcessContext = {
  readonly program: Program
  readonly limits: Limits
  readonly log: Log
  /** It can take a run, which it could not before. */
  onFree(): void
  /** It did not begin these: another process can. */
  onReturn(tasks: Task[]): void
  onRegister(process: JobProcess, plugin: PluginEntry, args: Call["args"]): void
  /** What nobody waits for any more. */
  onLate(plugin: string, error: unknown): void
  onEnd(process: JobProcess): void
}

type Timer = ReturnType<typeof setTimeout>

/** One job process, as the host sees it. */
export class JobProcess {
  readonly #context: JobProcessContext
  readonly #channel: Channel
  readonly #runs: HeldRuns
  readonly #plugins = new Map<number, PluginEntry>()
  readonly #ended = Promise.withResolvers<void>()
  #answeredAt = 0
  #isReady = false
  #isBusy = false
  #isStopping = false
  #isExpected = false
  #idleTimer: Timer | undefined
  #stopTimer: Timer
  /** Takes no more runs, and ends with the last that it has. */
  isRetired = false
  /** Handlers that only this process has. */
  kept = 0

  constructor(context: JobProcessContext) {
    this.#context = context
    this.#channel = spawnJobProcess(context.program, context.log, {
      onMessage: (message) => this.#receive(message),
      onEnd: (how) => this.#end(how),
    })
    this.#runs = new HeldRuns({
      claims: this.#channel.claims,
      limit: context.limits.claim,
      onLate: (tasks) => {
        this.#isBusy = true
        context.onReturn(tasks)
      },
    })
    this.#stopTimer = setTimeout(() => this.#kill("it did not start"), context.limits.start)
  }

  get pid(): number {
    return this.#channel.pid
  }

  get runs(): number {
    return this.#runs.size
  }

  get isOpen(): boolean {
    return this.#runs.hasRoom && !this.isRetired && !this.#isBusy && !this.#isStopping
  }

  has(plugin: PluginEntry): boolean {
    return this.#plugins.has(plugin.key)
  }

  /** `false`: it has as many as it can have. */
  begin(task: Task): boolean {
    const held = this.#runs.add(task, (run) => this.#abort(run))
    if (!held) return false
    const { plugin, number, context } = task
    if (!this.has(plugin)) this.#load(plugin)
    const { params, user, job } = context
    this.#channel.send({ type: "run", ...held, plugin: plugin.key, number, params, user, job })
    clearTimeout(this.#idleTimer)
    return true
  }

  #loads(id: string): boolean {
    return [...this.#plugins.values()].some(({ bundle }) => bundle.id === id)
  }

  /** Settings are JSON: they are the plugin's, checked. */
  tellSettings(plugin: PluginEntry, settings: Settings): void {
    if (!this.has(plugin)) return
    this.#channel.send({ type: "settings", plugin: plugin.key, settings: settings as { [key: string]: Json } })
  }

  retire(): void {
    this.isRetired = true
    if (this.#runs.size === 0) this.stop()
  }

  /** Lets plugins dispose, then ends it; resolves when it has ended. */
  stop(): Promise<void> {
    if (!this.#isStopping) {
      this.#isStopping = true
      this.#isExpected = true
      clearTimeout(this.#stopTimer)
      this.#stopTimer = setTimeout(() => this.#kill("it did not stop"), this.#context.limits.stopping)
      this.#channel.send({ type: "stop" })
    }
    return this.#ended.promise
  }

  /** A plugin that speaks in the process's name by force ends that process, and nothing else. */
  #receive(message: ToHost): void {
    try {
      this.#hear(message)
    } catch (error) {
      this.#kill(`it said what cannot be understood: ${toMessage(error)}`)
    }
  }

  #hear(message: ToHost): void {
    switch (message.type) {
      case "ready":
        this.#isReady = true
        if (!this.#isStopping) clearTimeout(this.#stopTimer)
        this.#runs.watch()
        break
      case "loaded":
        if (!message.isLoaded) this.#plugins.delete(message.plugin)
        this.#runs.watch(message.plugin)
        break
      case "end":
        this.#finish(message.run, message)
        break
      case "dropped":
        this.#runs.drop(message.run)
        this.#rest()
        this.#turn()
        break
      case "pong":
        this.#answeredAt = performance.now()
        break
      case "progress":
        for (const { percent = Number.NaN, message: text } of message.reports)
          this.#runs.get(message.run)?.context.progress(percent, text)
        break
      case "call":
        void this.#answer(message)
        break
      case "log":
        this.#log(message)
        break
      case "late":
        if (this.#loads(message.id)) this.#context.onLate(message.id, fromThrown(message.thrown))
        break
      case "stopping":
        clearTimeout(this.#stopTimer)
        this.#stopTimer = setTimeout(() => this.#kill("it did not stop"), this.#context.limits.stop)
    }
  }

  /** It listens again. A handler that does not let go may say much, so that this alone tells. */
  #turn(): void {
    if (!this.#isBusy) return
    this.#isBusy = false
    this.#context.onFree()
  }

  async #answer({ call, owner, ...asked }: Call): Promise<void> {
    const found = "run" in owner ? this.#runs.get(owner.run) : this.#plugins.get(owner.plugin)
    const reply = found
      ? await answerCall(found.api, found.actors, asked, (args) =>
          this.#context.onRegister(this, "plugin" in found ? found.plugin : found, args),
        )
      : refuseCall(asked, "its job has ended")
    this.#channel.send({ type: "reply", call, ...reply })
  }

  /** What a handler says by its console is kept with its job as well. */
  #log({ line, run }: { line: string; run?: number }): void {
    const { level, message, fields } = readRemoteLine(line)
    this.#context.log[level](message, fields)
    const { plugin: _, ...own } = fields
    if (run !== undefined) this.#runs.get(run)?.context.log(level, message, own)
  }

  #finish(run: number, ended: Ended): void {
    const task = this.#runs.take(run)
    if (!task) return
    const { outcome, here } = task
    if ("returned" in ended) outcome.resolve(new ReturnedText(ended.returned))
    else if ("thrown" in ended) outcome.reject(fromThrown(ended.thrown))
    else outcome.resolve(here())
    this.#rest()
    this.#context.onFree()
  }

  #load(plugin: PluginEntry): void {
    const { key, bundle, database } = plugin
    this.#plugins.set(key, plugin)
    this.#channel.send({ type: "load", plugin: key, bundle, database })
    // it is kept for this run alone: nothing would retire it later
    if (plugin.hasLeft) this.isRetired = true
  }

  #abort(run: number): void {
    const { limits, log } = this.#context
    const withdrawn = this.#runs.withdraw(run)
    const task = withdrawn ?? (this.#runs.get(run) as Task)
    const { job, signal } = task.context
    if (withdrawn) {
      task.outcome.reject(signal.reason)
      return
    }
    const { name, message } = signal.reason as DOMException
    const since = performance.now()
    this.#channel.send({ type: "abort", run, name, message })
    this.#channel.send({ type: "ping" })
    setTimeout(() => {
      if (this.#answeredAt < since && this.#runs.get(run)) this.#kill("it does not answer since a signal fired in it")
    }, limits.answer).unref()
    setTimeout(() => {
      if (!this.#runs.take(run)) return
      log.warn("A handler ignores its signal: its job process takes no more jobs", { pid: this.pid, job: job.id })
      task.outcome.reject(signal.reason)
      this.retire()
    }, limits.settle).unref()
  }

  #rest(): void {
    if (this.#runs.size > 0) return
    if (this.isRetired) void this.stop()
    clearTimeout(this.#idleTimer)
    if (this.kept > 0) return
    this.#idleTimer = setTimeout(() => this.stop(), this.#context.limits.idle)
    this.#idleTimer.unref()
  }

  #kill(why: string): void {
    this.#isExpected = true
    this.#context.log.error(`Killing the job process ${this.pid}: ${why}`, { pid: this.pid, jobs: this.#runs.jobs })
    this.#channel.kill()
  }

  #end(how: string): void {
    for (const timer of [this.#idleTimer, this.#stopTimer]) clearTimeout(timer)
    this.#isStopping = true
    const message = `The job process ${this.pid} ${how}`
    if (!this.#isExpected) this.#context.log.error(message, { pid: this.pid, jobs: this.#runs.jobs })
    const { back, begun } = this.#runs.end()
    // what could not even begin in a process that never started would go round for ever
    for (const task of this.#isReady ? begun : [...begun, ...back]) task.outcome.reject(new InterruptedError(message))
    this.#context.onEnd(this)
    if (this.#isReady) this.#context.onReturn(back)
    this.#ended.resolve()
  }
}
