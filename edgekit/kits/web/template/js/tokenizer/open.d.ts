/** The kit's tokenizer. */
import type { Files } from "../files.js";
import { Tokenizer } from "./tokenizer.js";
/** The tokenizer that the tables describe. */
export declare function openTokenizer({ kit, text }: Files): Promise<Tokenizer>;
