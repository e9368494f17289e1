/** The kit's tokenizer. */

import type { Files } from "../files.js";
import { Tokenizer, type TokenizerFiles } from "./tokenizer.js";

/** The tokenizer that the tables describe. */
export async function openTokenizer({ kit, text }: Files): Promise<Tokenizer> {
  const read = async (name: string): Promise<string | undefined> => (name in kit.integrity ? text(name) : undefined);
  const [tokenizer = "", vocabulary = "", merges, scores] =
    await Promise.all(["tokenizer.txt", "vocab.txt", "merges.txt", "scores.txt"].map(read));
  const tables: TokenizerFiles = {
    tokenizer, vocabulary, ...(merges === undefined ? {} : { merges }), ...(scores === undefined ? {} : { scores }),
  };
  return new Tokenizer(tables);
}
