/** Text in, numbers out: what every task is made of. */

import { KitError } from "./error.js";
import { openFiles, openTokenizer, type Kit } from "./files.js";
import type { Options } from "./options.js";
import { openSession, type Opened } from "./session.js";
import type { Encoding, Tokenizer } from "./tokenizer/tokenizer.js";

/** A tokenizer and an open session. Texts that are asked for at the same time are answered in turn. */
export class Engine {
  private last: Promise<unknown> = Promise.resolve();
  private closed = false;

  private constructor(
    readonly kit: Kit,
    private readonly opened: Opened,
    private readonly tokenizer: Tokenizer,
  ) {}

  get threads(): number {
    return this.opened.threads;
  }

  get runtime(): string {
    return this.opened.runtime;
  }

  /** @throws KitError a file or the runtime isn't there, or the model can't be opened. */
  static async load(options: Options = {}): Promise<Engine> {
    const files = await openFiles(options);
    const [opened, tokenizer] = await Promise.all([openSession(files, options), openTokenizer(files)]);
    return new Engine(files.kit, opened, tokenizer);
  }

  encode(text: string, pair?: string): Encoding {
    return this.tokenizer.encode(text, pair);
  }

  /** The output, row after row. */
  async run(tokens: Encoding): Promise<Float32Array> {
    if (this.closed) throw new KitError("This model is closed.", "Load it again.");
    const answer = this.last.then(() => this.answer(tokens));
    this.last = answer.catch(() => undefined);
    return answer;
  }

  /** Frees the memory of the model, after the answers that are being made. */
  async close(): Promise<void> {
    const { closed, last } = this;
    this.closed = true;
    await last;
    if (!closed) await this.opened.session.release();
  }

  private async answer({ ids, typeIds, mask }: Encoding): Promise<Float32Array> {
    const values: Record<string, number[]> = { input_ids: ids, attention_mask: mask, token_type_ids: typeIds };
    const feeds = Object.entries(this.kit.inputs).map(([name, type]) => [name, this.tensor(type, values[name] ?? [])]);
    const made = await this.opened.session.run(Object.fromEntries(feeds), [this.kit.output]);
    return Float32Array.from(made[this.kit.output]?.data as Float32Array);
  }

  private tensor(type: "int32" | "int64", values: number[]): object {
    const data = type === "int64" ? BigInt64Array.from(values, BigInt) : Int32Array.from(values);
    return new this.opened.ort.Tensor(type, data, [1, values.length]);
  }
}
