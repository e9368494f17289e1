/** WordPiece, BPE and Unigram: the code points of a piece → token ids. */

import type { TokenizerFiles } from "./tokenizer.js";
import { at, both, characters, codePoints, fromHex, rows, unescaped, utf8 } from "./tokenizer-tables.js";

export type Model = (codes: number[]) => number[];

export function model(words: string[], files: TokenizerFiles): Model {
  const tokens = new Map<string, number>();
  rows(files.vocabulary).forEach((line, id) => line && tokens.set(unescaped(line), id));
  const [a = 0, b = 0, c = 0, d = 0] = words.slice(1).map(Number);
  switch (words[0]) {
    case "wordpiece":
      return wordPiece(tokens, a, b, words[3] === "-" ? [] : characters(fromHex(words[3] ?? "")));
    case "bpe":
      return bpe(tokens, rows(files.merges ?? ""), a, !!b, !!c, !!d);
    case "unigram":
      return unigram(tokens, rows(files.scores ?? "").map(Number), a, !!b, c);
    default:
      throw new Error(`The tables have a ${words[0]} model, which this code doesn't know.`);
  }
}

/** The longest token at each place; one place without any makes the whole word unknown. */
const wordPiece = (tokens: Map<string, number>, unknown: number, longest: number, prefix: string[]): Model =>
  (codes) => {
    if (codes.length > longest) return [unknown];
    const made: number[] = [];
    let rest = characters(codes);
    while (rest.length) {
      const word = made.length ? [...prefix, ...rest] : rest;
      const least = word.length - rest.length;
      let end = word.length;
      let id: number | undefined;
      while (end > least && (id = tokens.get(word.slice(0, end).join(""))) === undefined) end--;
      if (id === undefined) return [unknown];
      made.push(id);
      rest = word.slice(end);
    }
    return made;
  };

/** Symbols, of which the pair with the lowest rank is merged, the leftmost first, until none is left. */
function bpe(
  tokens: Map<string, number>, merges: string[], unknown: number, fuse: boolean, fallback: boolean, whole: boolean,
): Model {
  const ranks = new Map<number, number>();
  const rankOf = (left: number, right: number): number => ranks.get(both(left, right)) ?? Infinity;
  const merged: number[] = [];
  merges.forEach((line, rank) => {
    const [left = 0, right = 0, difference = 0] = line.split(" ").map(Number);
    ranks.set(both(left, right), rank);
    merged.push((merged[rank - 1] ?? 0) + difference);
  });

  /** An unknown symbol waits, so that it can be fused with the next; without an id it is dropped. */
  const symbols = (codes: number[]): number[] => {
    const made: number[] = [];
    let waiting = false;
    for (const code of codes) {
      const id = tokens.get(String.fromCodePoint(code));
      const bytes = id === undefined && fallback ? byteTokens(tokens, [code]) : undefined;
      if (id !== undefined) {
        if (waiting) made.push(unknown);
        made.push(id);
        waiting = false;
      } else if (bytes) {
        made.push(...bytes);
      } else if (unknown >= 0) {
        if (waiting && !fuse) made.push(unknown);
        waiting = true;
      }
    }
    if (waiting) made.push(unknown);
    return made;
  };

  return (codes) => {
    const known = whole ? tokens.get(characters(codes).join("")) : undefined;
    if (known !== undefined) return [known];
    let made = symbols(codes);
    let found = made.slice(1).map((symbol, i) => rankOf(at(made, i), symbol));
    for (;;) {
      let best = Infinity;
      for (const rank of found) if (rank < best) best = rank;
      if (best === Infinity) return made;
      [made, found] = merge(made, found, best);
    }
  };

  /** Merges the pairs of one rank from the left, until one makes a new pair that comes before the rest. */
  function merge(made: number[], found: number[], best: number): [number[], number[]] {
    const after: number[] = [];
    const foundAfter: number[] = [];
    let [fresh, stop] = [false, false];
    for (let i = 0; i < made.length; ) {
      const merges = !stop && found[i] === best;
      const symbol = merges ? at(merged, best) : at(made, i);
      if (after.length) {
        const rank = merges || fresh ? rankOf(at(after, after.length - 1), symbol) : at(found, i - 1);
        foundAfter.push(rank);
        stop ||= merges && rank <= best;
      }
      after.push(symbol);
      i += merges ? 2 : 1;
      stop ||= merges && i < made.length && rankOf(symbol, at(made, i)) <= best;
      fresh = merges;
    }
    return [after, foundAfter];
  }
}

/** The path of tokens with the best sum of scores; of equal ones the first found (Viterbi). */
function unigram(
  tokens: Map<string, number>, scores: number[], unknown: number, fallback: boolean, least: number,
): Model {
  let longest = 0;
  for (const token of tokens.keys()) longest = Math.max(longest, codePoints(token).length);
  return (codes) => {
    const text = characters(codes);
    const best = [{ score: 0, start: -1, id: unknown }];
    const offer = (start: number, end: number, score: number, id: number): void => {
      const sum = at(best, start).score + score;
      const there = best[end];
      if (!there || sum > there.score) best[end] = { score: sum, start, id };
    };
    for (let start = 0; start < text.length; start++) {
      for (let end = start + 1, part = ""; end <= Math.min(start + longest, text.length); end++) {
        part += at(text, end - 1);
        const id = tokens.get(part);
        if (id !== undefined) offer(start, end, at(scores, id), id);
      }
      if (!tokens.has(at(text, start))) offer(start, start + 1, least - 10, unknown);
    }
    const path: { unknown: boolean; start: number; end: number }[] = []; // neighbouring unknown ones are one
    for (let end = text.length; end > 0; end = at(best, end).start) {
      const node = at(best, end);
      const after = path[path.length - 1];
      if (after?.unknown && node.id === unknown) after.start = node.start;
      else path.push({ unknown: node.id === unknown, start: node.start, end });
    }
    return path.reverse().flatMap(({ start, end }) => {
      const id = tokens.get(text.slice(start, end).join(""));
      if (id !== undefined) return [id];
      return (fallback ? byteTokens(tokens, codes.slice(start, end)) : undefined) ?? [unknown];
    });
  };
}

/** A token for every byte; undefined if one has none. */
function byteTokens(tokens: Map<string, number>, codes: number[]): number[] | undefined {
  const ids = utf8(codes).map((byte) => tokens.get(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`));
  return ids.every((id) => id !== undefined) ? ids : undefined;
}
