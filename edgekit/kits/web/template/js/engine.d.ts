/** Text in, numbers out: what every task is made of. */
import { type Kit } from "./files.js";
import type { Options } from "./options.js";
import type { Encoding } from "./tokenizer/tokenizer.js";
/** A tokenizer and an open session. Texts that are asked for at the same time are answered in turn. */
export declare class Engine {
    readonly kit: Kit;
    private readonly opened;
    private readonly tokenizer;
    private last;
    private closed;
    private constructor();
    get threads(): number;
    get runtime(): string;
    /** @throws KitError a file or the runtime isn't there, or the model can't be opened. */
    static load(options?: Options): Promise<Engine>;
    encode(text: string, pair?: string): Encoding;
    /** The output, row after row. */
    run(tokens: Encoding): Promise<Float32Array>;
    /** Frees the memory of the model, after the answers that are being made. */
    close(): Promise<void>;
    private answer;
    private tensor;
}
