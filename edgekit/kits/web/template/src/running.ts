/** An open model that answers in turn. */

import { KitError } from "./error.js";
import type { Kit } from "./files.js";
import type { Opened } from "./session.js";

/** What is asked for at the same time is answered one after the other. */
export class Running {
  private last: Promise<unknown> = Promise.resolve();
  private closed = false;

  protected constructor(readonly kit: Kit, protected readonly opened: Opened) {}

  get threads(): number {
    return this.opened.threads;
  }

  get runtime(): string {
    return this.opened.runtime;
  }

  /** Frees the memory of the model, after the answers that are being made. */
  async close(): Promise<void> {
    const { closed, last } = this;
    this.closed = true;
    await last;
    if (!closed) await this.opened.session.release();
  }

  /** The output, row after row; the tensors are made when it is their turn. */
  protected async answer(
    feeds: () => Record<string, object> | Promise<Record<string, object>>,
  ): Promise<Float32Array> {
    if (this.closed) throw new KitError("This model is closed.", "Load it again.");
    const answer = this.last.then(async () => {
      const made = await this.opened.session.run((await feeds()) as Record<string, never>, [this.kit.output]);
      return Float32Array.from(made[this.kit.output]?.data as Float32Array);
    });
    this.last = answer.catch(() => undefined);
    return answer;
  }
}
