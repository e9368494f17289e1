/** A decoder with its caches: tokens in, logits of the next one out. */

import { KitError } from "../error.js";
import type { Opened } from "../session.js";
import type { Cache, GenerationTables } from "./tables.js";

/** Keys or values of the tokens that were read: `[heads, room, width]`. */
interface Buffer {
  data: Float32Array;
  room: number;
}

export class Decoder {
  /** What the caches hold. */
  private ids: number[] = [];
  private buffers: Buffer[] = [];

  constructor(private readonly opened: Opened, private readonly tables: GenerationTables) {}

  /** How many of a text's tokens need not be read again; one is, since its logits are wanted. */
  known(ids: readonly number[]): number {
    const different = ids.findIndex((id, i) => id !== this.ids[i]);
    return Math.min(different < 0 ? ids.length : different, ids.length - 1);
  }

  /** The next text is read from its beginning. */
  forget(): void {
    this.ids = [];
  }

  /**
   * Logits of what follows a text. What it shares with the beginning of the last one is not read again.
   *
   * @param most tokens that the text may become.
   */
  async read(ids: readonly number[], most: number): Promise<Float32Array> {
    const past = this.known(ids);
    const { native, session } = this.opened;
    if (native) this.makeRoom(past, most);
    else if (!this.buffers.length) this.buffers = this.tables.caches.map(() => ({ data: new Float32Array(), room: 0 }));
    const held = this.ids.slice(0, past);
    this.ids = []; // of a call that fails the caches hold nothing that is known
    const feeds = { ...this.texts(ids, past), ...this.tensors("input") };
    // What the runtime may write where it reads, it appends to; else it gives back longer caches.
    const fetches = native
      ? { [this.tables.logits]: null, ...renamed(feeds, this.tables.caches) }
      : [this.tables.logits, ...this.tables.caches.map(({ output }) => output)];
    const made = await session.run(feeds as Record<string, never>, fetches as string[]);
    if (!native) this.keep(made, Math.max(ids.length, this.buffers[0]?.room ?? 0));
    this.ids = [...held, ...ids.slice(past)];
    const logits = made[this.tables.logits]?.data as Float32Array;
    const last = logits.subarray(logits.length - this.tables.vocabulary);
    if (!Number.isFinite(last[0])) throw new KitError("The model gave no number.", "Load it again, or report it.");
    return last;
  }

  private texts(ids: readonly number[], past: number): Record<string, object> {
    const { inputs } = this.tables;
    const rows: Record<string, readonly number[]> = {
      ids: ids.slice(past),
      mask: ids.map(() => 1),
      positions: ids.map((_, i) => i).slice(past),
    };
    const made: Record<string, object> = {};
    for (const [role, name] of inputs) {
      const row = rows[role] ?? [];
      made[name] = new this.opened.ort.Tensor("int64", BigInt64Array.from(row, BigInt), [1, row.length]);
    }
    return made;
  }

  private tensors(side: "input" | "output"): Record<string, object> {
    const made: Record<string, object> = {};
    this.tables.caches.forEach((cache, i) => {
      const { data, room } = this.buffers[i] as Buffer;
      made[cache[side]] = new this.opened.ort.Tensor("float32", data, [1, cache.heads, room, cache.width]);
    });
    return made;
  }

  /** Longer buffers, with what is known of the text at their beginning. */
  private makeRoom(past: number, most: number): void {
    this.buffers = this.tables.caches.map(({ heads, width }, i) => {
      const old = this.buffers[i] ?? { data: new Float32Array(), room: 0 };
      if (old.room >= most) return old;
      const data = new Float32Array(heads * most * width);
      for (let head = 0; head < heads; head++) {
        const from = head * old.room * width;
        data.set(old.data.subarray(from, from + past * width), head * most * width);
      }
      return { data, room: most };
    });
  }

  private keep(made: Record<string, { readonly data: unknown }>, room: number): void {
    this.buffers = this.tables.caches.map(({ output }) => ({ data: made[output]?.data as Float32Array, room }));
  }
}

/** The tensors of the caches under the names of the outputs. */
const renamed = (feeds: Record<string, object>, caches: readonly Cache[]): Record<string, object | undefined> =>
  Object.fromEntries(caches.map(({ input, output }) => [output, feeds[input]]));
