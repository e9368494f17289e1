/** Tables of code points, and text as code points. */

/**
 * A code point on its way through the tokenizer: above its 21 bits stands where it ended in the text, behind how
 * many of the text's own; 0: it was not in the text.
 */
export type Unit = number;

const PLACE = 0x200000;
/** Bit operators see the lowest 32 bits of a number, and so all of a code point. */
export const codeOf = (unit: Unit): number => unit & (PLACE - 1);
export const endOf = (unit: Unit): number => Math.floor(unit / PLACE);
export const unit = (code: number, end: number): Unit => code + end * PLACE;

/** Code points; a surrogate without its other half is U+FFFD, as it would be in UTF-8. */
export function codePoints(text: string): number[] {
  return Array.from(text, (c) => {
    const code = c.codePointAt(0) ?? 0;
    return code >= 0xd800 && code < 0xe000 ? 0xfffd : code;
  });
}

export const characters = (units: Unit[]): string[] => units.map((one) => String.fromCodePoint(codeOf(one)));

const encoder = new TextEncoder();
export const utf8 = (units: Unit[]): number[] => Array.from(encoder.encode(characters(units).join("")));

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
export const fromHex = (hex: string): number[] =>
  codePoints(decoder.decode(Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16))));

/** Lines; only a line feed ends one. */
export const rows = (content: string): string[] => content.split("\n").slice(0, -1);

export const unescaped = (line: string): string =>
  line.replace(/\\(.)/g, (_, c: string) => (c === "n" ? "\n" : c === "r" ? "\r" : c));

export const startsWith = (units: Unit[], content: number[], from: number): boolean =>
  from + content.length <= units.length && content.every((code, i) => codeOf(at(units, from + i)) === code);

/** An entry that is there by construction. */
export function at<T>(list: readonly T[], place: number): T {
  return list[place] as T;
}

/** Code point → class, from (length, class) pairs. */
export class Runs {
  private readonly starts: number[] = [];
  private readonly kinds: number[] = [];

  constructor(numbers: number[]) {
    for (let i = 0, start = 0; i < numbers.length; start += at(numbers, i), i += 2) {
      this.starts.push(start);
      this.kinds.push(at(numbers, i + 1));
    }
  }

  of(one: Unit | undefined): number {
    return one === undefined ? 0 : (this.kinds[before(this.starts, codeOf(one))] ?? 0);
  }
}

/** Code point → what replaces it, from entries `gap length moving count values…`. */
export class CodeMap {
  private readonly starts: number[] = [];
  private readonly entries: { end: number; moving: number; values: number[] }[] = [];

  constructor(numbers: number[]) {
    for (let i = 0, end = 0; i < numbers.length; i += 4 + at(numbers, i + 3)) {
      const start = end + at(numbers, i);
      end = start + at(numbers, i + 1);
      const values = numbers.slice(i + 4, i + 4 + at(numbers, i + 3));
      this.starts.push(start);
      this.entries.push({ end, moving: at(numbers, i + 2), values });
    }
  }

  /** The replacement; undefined for a code point that stays. */
  of(one: Unit): number[] | undefined {
    const code = codeOf(one);
    const place = before(this.starts, code);
    const entry = this.entries[place];
    if (entry === undefined || code >= entry.end) return undefined;
    return entry.values.map((value, i) => (i === entry.moving ? value + code - at(this.starts, place) : value));
  }

  apply(units: Unit[]): Unit[] {
    return units.flatMap((one) => this.of(one)?.map((code) => unit(code, endOf(one))) ?? [one]);
  }
}

/** The last place in a sorted list whose value is not above `value`; −1: there is none. */
function before(sorted: number[], value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (at(sorted, middle) <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Pairs of code points → what they join to, from differences `first second count result`. */
export function pairs(numbers: number[]): Map<number, number> {
  const made = new Map<number, number>();
  let [first, second, result] = [0, 0, 0];
  for (let i = 0; i < numbers.length; i += 4) {
    first += at(numbers, i);
    second += at(numbers, i + 1);
    result += at(numbers, i + 3);
    for (let n = 0; n < at(numbers, i + 2); n++) made.set(both(first, second + n), result + n);
  }
  return made;
}

/** Two numbers below 2^26 as one key. */
export const both = (a: number, b: number): number => a * 0x4000000 + b;
