/** What every task's class shares: the open model, and letting go of it. */

import type { Running } from "./running.js";

export class Model<Engine extends Running> {
  /** @internal */
  constructor(protected readonly engine: Engine) {}

  /** Threads of one answer. */
  get threads(): number {
    return this.engine.threads;
  }

  /** What runs the model, with its version. */
  get runtime(): string {
    return this.engine.runtime;
  }

  /** Frees the memory of the model, after the answers that are being made. Asking again is an error. */
  close(): Promise<void> {
    return this.engine.close();
  }
}
