/**
 * Text to token ids, exactly as Hugging Face `tokenizers` gives them.
 *
 * Everything that depends on Unicode is looked up in tables that edgekit probed from the model's own tokenizer;
 * nothing here asks the browser, whose version of Unicode is another. docs/kit-tokenizer.md describes the format.
 */

import { model, type Model } from "./models.js";
import { Charsmap, compose, find, map, order, Pattern, prepend, replace, spell, split, strip } from "./steps.js";
import type { Added, Piece, Step, Token } from "./steps.js";
import { CodeMap, codePoints, fromHex, pairs, rows, Runs, unit } from "./tables.js";

/** An item of a template that is one token; 1 is the text, 2 its pair. */
const TOKEN = 0;

export interface TokenizerFiles {
  /** tokenizer.txt */
  readonly tokenizer: string;
  /** vocab.txt */
  readonly vocabulary: string;
  /** merges.txt, of a BPE tokenizer */
  readonly merges?: string;
  /** scores.txt, of a Unigram tokenizer */
  readonly scores?: string;
}

export interface Encoding {
  readonly ids: number[];
  readonly typeIds: number[];
  /** 1 for a token, 0 for padding */
  readonly mask: number[];
  /** Behind how many code points of its text each token ends; 0: special, or padding */
  readonly ends: number[];
}

export class Tokenizer {
  // [0]: tokens looked for in the text itself, then normalizing. [1]: in the normalized text, then cutting.
  private readonly added: readonly [Added[], Added[]] = [[], []];
  private readonly steps: readonly [Step[], Step[]] = [[], []];
  private words = new Runs([]);
  private spaces = new Runs([]);
  private single: number[] = [];
  private pair: number[] = [];
  private limit: number[] = [];
  private padding: number[] = [];
  private model: Model = () => [];

  constructor(files: TokenizerFiles) {
    let phase: 0 | 1 = 0;
    let pattern = new Pattern();
    let classes = new Runs([]);
    let charsmap = new Charsmap();
    for (const line of rows(files.tokenizer)) {
      const [word = "", ...rest] = line.split(" ");
      const text = (i: number): number[] => (rest[i] === "-" ? [] : fromHex(rest[i] ?? ""));
      const numbers = (from = 0): number[] => rest.slice(from).map(Number);
      const steps = this.steps[phase];
      switch (word) {
        case "format":
          if (rest[0] !== "1") throw new Error(`The tables have format ${rest[0]}; this code reads format 1.`);
          break;
        case "map": steps.push(map(new CodeMap(numbers()))); break;
        case "order": classes = new Runs(numbers()); steps.push(order(classes)); break;
        case "compose": steps.push(compose(pairs(numbers()), classes)); break;
        case "graphemes": charsmap = new Charsmap(new Runs(numbers())); break;
        case "clusters": charsmap.readKeys(numbers()); break;
        case "precompiled": charsmap.one = new CodeMap(numbers()); steps.push(charsmap.step()); break;
        case "strip": steps.push(strip(rest[0] === "1", rest[1] === "1", new Runs(numbers(2)))); break;
        case "prepend": steps.push(prepend(text(0), rest[1] ?? "")); break;
        case "replace": pattern = new Pattern(); steps.push(replace(pattern, text(0))); break;
        case "split": pattern = new Pattern(); steps.push(split(pattern, Number(rest[0]))); break;
        case "class": pattern.classes = new Runs(numbers()); break;
        case "set": pattern.sets.push(new Set(numbers())); break;
        case "program": pattern.code = numbers(); break;
        case "bytes": steps.push(spell(numbers())); break;
        case "pieces": phase = 1; break;
        case "added": {
          const [id = 0, normalized = 0, singleWord, left, right] = numbers();
          const token = { id, singleWord: !!singleWord, left: !!left, right: !!right, codes: text(5) };
          this.added[normalized ? 1 : 0].push(token);
          break;
        }
        case "words": this.words = new Runs(numbers()); break;
        case "spaces": this.spaces = new Runs(numbers()); break;
        case "single": this.single = numbers(); break;
        case "pair": this.pair = numbers(); break;
        case "limit": this.limit = numbers(); break;
        case "pad": this.padding = numbers(); break;
        case "model": this.model = model(rest, files); break;
      }
    }
  }

  /**
   * Token ids of a text or a pair, special tokens included and cut to the model's limit.
   *
   * @param padTo tokens to fill up to with padding; longer rows stay as they are.
   */
  encode(text: string, pair?: string, padTo = 0): Encoding {
    const parts = [text, pair].filter((part) => part !== undefined).map((part) => this.tokens(part));
    const template = pair === undefined ? this.single : this.pair;
    const items = Array.from({ length: template.length / 3 }, (_, i) => template.slice(3 * i, 3 * i + 3));
    this.cut(parts, items.filter(([kind]) => kind === TOKEN).length);
    const ids: number[] = [];
    const typeIds: number[] = [];
    const ends: number[] = [];
    for (const [kind = 0, id = 0, type = 0] of items) {
      for (const token of kind === TOKEN ? [{ id, end: 0 }] : (parts[kind - 1] ?? [])) {
        ids.push(token.id);
        typeIds.push(type);
        ends.push(token.end);
      }
    }
    const mask = ids.map(() => 1);
    const [padId, padType = 0, onLeft] = this.padding;
    if (padTo > ids.length && padId === undefined) throw new Error("This tokenizer has no padding token.");
    const filled = (row: number[], value: number): number[] => {
      const extra = new Array<number>(Math.max(0, padTo - row.length)).fill(value);
      return onLeft ? [...extra, ...row] : [...row, ...extra];
    };
    return {
      ids: filled(ids, padId ?? 0), typeIds: filled(typeIds, padType), mask: filled(mask, 0), ends: filled(ends, 0),
    };
  }

  /** Token ids of a text with nothing around them, and not cut. */
  plain(text: string): number[] {
    return this.tokens(text).map(({ id }) => id);
  }

  /** Cuts texts to the limit: of a pair the longer one gives first, and then both half. */
  private cut(parts: Token[][], special: number): void {
    const [most, strategy, fromLeft] = this.limit;
    if (most === undefined) return;
    const room = most - special;
    const lengths = parts.map((part) => part.length);
    const over = lengths.reduce((sum, length) => sum + length, 0) - room;
    if (room < 0) throw new Error("The special tokens alone are more than the limit.");
    if (over <= 0) return;
    const gives = strategy === 2 ? 1 : 0;
    const [a = 0, b = 0] = lengths;
    if (room === 0) {
      lengths.fill(0);
    } else if (strategy === 0 && parts.length === 2) {
      let [short, long] = [Math.min(a, b), Math.max(Math.min(a, b), room - Math.min(a, b))];
      if (short + long > room) [short, long] = [Math.floor(room / 2), Math.ceil(room / 2)];
      lengths.splice(0, 2, ...(a > b ? [long, short] : [short, long]));
    } else {
      const length = (lengths[gives] ?? 0) - over;
      if (length <= 0) throw new Error("The text that may be cut is too short to make room for the rest.");
      lengths[gives] = length;
    }
    lengths.forEach((n, i) => {
      const part = parts[i] ?? [];
      parts[i] = fromLeft ? part.slice(part.length - n) : part.slice(0, n);
    });
  }

  private tokens(text: string): Token[] {
    const units = codePoints(text).map((code, i) => unit(code, i + 1));
    let pieces: (Piece | Token)[] = [{ units, first: true }];
    for (const phase of [0, 1] as const) {
      for (const step of [find(this.added[phase], this.words, this.spaces), ...this.steps[phase]]) {
        pieces = pieces.flatMap((piece) => ("id" in piece ? [piece] : piece.units.length ? step(piece) : []));
      }
    }
    return pieces.flatMap((piece) => ("id" in piece ? [piece] : piece.units.length ? this.model(piece.units) : []));
  }
}
