// Runs a compiled tokenizer:  node tokenizer_runner.mjs tokenizer.js TABLES golden FILE   prints the lines that differ
//                             node tokenizer_runner.mjs tokenizer.js TABLES scalars        prints ids, a line per scalar
//                             node tokenizer_runner.mjs tokenizer.js TABLES words          of JSON texts on stdin, each word's token
//                             node tokenizer_runner.mjs tokenizer.js TABLES texts          JSON [text, pair, padTo]… on stdin
import { existsSync, readFileSync, writeSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [module, folder, mode, golden] = process.argv.slice(2);
const { Tokenizer } = await import(pathToFileURL(resolve(module)).href);
const read = (name) => (existsSync(join(folder, name)) ? readFileSync(join(folder, name), "utf8") : undefined);
const tokenizer = new Tokenizer({
  tokenizer: read("tokenizer.txt"),
  vocabulary: read("vocab.txt"),
  merges: read("merges.txt"),
  scores: read("scores.txt"),
});

if (mode === "golden") {
  const text = (word) => (word === "-" ? undefined : Buffer.from(word.slice(1), "hex").toString("utf8"));
  for (const line of readFileSync(golden, "ascii").split("\n").slice(0, -1)) {
    const [first, second, ids, types] = line.split(" ");
    const made = tokenizer.encode(text(first), text(second));
    if (made.ids.join() !== ids || made.typeIds.join() !== types) console.log(`${line} ${made.ids.join()}`);
  }
} else if (mode === "scalars") {
  let out = [];
  const flush = () => {
    const bytes = Buffer.from(out.join(""));
    for (let done = 0; done < bytes.length; done += writeSync(1, bytes, done));
    out = [];
  };
  for (let code = 0; code < 0x110000; code++) {
    if (code >= 0xd800 && code < 0xe000) continue;
    const c = String.fromCodePoint(code);
    out.push(`${tokenizer.encode(`a${c}b ${c}`).ids.join()}\n`);
    if (out.length === 4096) flush();
  }
  flush();
} else if (mode === "words") {
  const { firstTokens, wordsOf } = await import(new URL("../words.js", pathToFileURL(resolve(module))));
  const starts = (text) => firstTokens(wordsOf(text), tokenizer.encode(text).ends);
  console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(starts)));
} else {
  const made = JSON.parse(readFileSync(0, "utf8")).map(([text, pair, padTo]) => {
    try {
      return tokenizer.encode(text, pair ?? undefined, padTo ?? 0);
    } catch (error) {
      return { error: error.message };
    }
  });
  console.log(JSON.stringify(made));
}
