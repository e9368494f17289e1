/** Tables of code points, and text as code points. */

/** Code points; a surrogate without its other half is U+FFFD, as it would be in UTF-8. */
export function codePoints(text: string): number[] {
  return Array.from(text, (c) => {
    const code = c.codePointAt(0) ?? 0;
    return code >= 0xd800 && code < 0xe000 ? 0xfffd : code;
  });
}

export const characters = (codes: number[]): string[] => codes.map((code) => String.fromCodePoint(code));

const encoder = new TextEncoder();
export const utf8 = (codes: number[]): number[] => Array.from(encoder.encode(characters(codes).join("")));

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
export const fromHex = (hex: string): number[] =>
  codePoints(decoder.decode(Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16))));

/** Lines; only a line feed ends one. */
export const rows = (content: string): string[] => content.split("\n").slice(0, -1);

export const unescaped = (line: string): string =>
  line.replace(/\\(.)/g, (_, c: string) => (c === "n" ? "\n" : c === "r" ? "\r" : c));

export const startsWith = (codes: number[], content: number[], from: number): boolean =>
  content.every((code, i) => codes[from + i] === code);

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

  of(code: number | undefined): number {
    return code === undefined ? 0 : (this.kinds[before(this.starts, code)] ?? 0);
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
  of(code: number): number[] | undefined {
    const place = before(this.starts, code);
    const entry = this.entries[place];
    if (entry === undefined || code >= entry.end) return undefined;
    return entry.values.map((value, i) => (i === entry.moving ? value + code - at(this.starts, place) : value));
  }

  apply(codes: number[]): number[] {
    return codes.flatMap((code) => this.of(code) ?? [code]);
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
