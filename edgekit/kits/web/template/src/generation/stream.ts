/** One token after another as text: never half a character, and never part of a stop text. */

import type { GenerationTables } from "./tables.js";

const SPACE = 0x20;

export class PieceStream {
  /** A stop text came. */
  stopped = false;
  // Bytes that are no UTF-8 are U+FFFD; a byte order mark is text.
  private readonly decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  private readonly stops: readonly string[];
  /** Could be the beginning of a stop text. */
  private held = "";
  private strip: number;

  constructor(private readonly tables: GenerationTables, stops: readonly string[] = []) {
    this.stops = stops.filter((stop) => stop);
    this.strip = tables.strip;
  }

  /** The text that is certain now. */
  add(token: number): string {
    let bytes = this.tables.bytes(token);
    for (; bytes.length && this.strip; this.strip--) {
      if (bytes[0] !== SPACE) {
        this.strip = 0;
        break;
      }
      bytes = bytes.subarray(1);
    }
    return this.certain(this.decoder.decode(bytes, { stream: true }));
  }

  /** What was held back, when no token follows. */
  end(): string {
    const rest = this.certain(this.decoder.decode());
    const held = this.held;
    this.held = "";
    return this.stopped ? rest : rest + held;
  }

  private certain(piece: string): string {
    if (this.stopped) return "";
    const text = this.held + piece;
    const found = this.stops.map((stop) => text.indexOf(stop)).filter((at) => at >= 0);
    if (found.length) {
      this.stopped = true;
      this.held = "";
      return text.slice(0, Math.min(...found));
    }
    let hold = 0;
    for (const stop of this.stops) {
      for (let n = Math.min(stop.length - 1, text.length); n > hold; n--) {
        if (text.endsWith(stop.slice(0, n))) hold = n;
      }
    }
    this.held = text.slice(text.length - hold);
    return text.slice(0, text.length - hold);
  }
}
