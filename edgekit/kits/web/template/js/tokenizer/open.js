/** The kit's tokenizer. */
import { Tokenizer } from "./tokenizer.js";
/** The tokenizer that the tables describe. */
export async function openTokenizer({ kit, text }) {
    const read = async (name) => (name in kit.integrity ? text(name) : undefined);
    const [tokenizer = "", vocabulary = "", merges, scores] = await Promise.all(["tokenizer.txt", "vocab.txt", "merges.txt", "scores.txt"].map(read));
    const tables = {
        tokenizer, vocabulary, ...(merges === undefined ? {} : { merges }), ...(scores === undefined ? {} : { scores }),
    };
    return new Tokenizer(tables);
}
