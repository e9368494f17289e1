/** Text in, numbers out: what every task for texts is made of. */
import type { Options } from "./options.js";
import { Running } from "./running.js";
import type { Encoding } from "./tokenizer/tokenizer.js";
/** A tokenizer and an open session. Texts that are asked for at the same time are answered in turn. */
export declare class Engine extends Running {
    private readonly tokenizer;
    private constructor();
    /** @throws KitError a file or the runtime isn't there, or the model can't be opened. */
    static load(options?: Options): Promise<Engine>;
    encode(text: string, pair?: string): Encoding;
    /** The output, row after row. */
    run({ ids, typeIds, mask }: Encoding): Promise<Float32Array>;
    private tensor;
}
