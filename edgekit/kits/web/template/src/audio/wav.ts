/** WAV files, read as they are: a browser's decoder would resample them by a filter of its own. */

import { KitError } from "../error.js";
import type { RawAudio } from "./source.js";

const PCM = 1;
const FLOATS = 3;
const EXTENSIBLE = 0xfffe; // the format's number begins its sub-format

/** Bits of a sample → how one is read, from -1 to 1. */
const READ: Record<string, (view: DataView, at: number) => number> = {
  [`${PCM} 8`]: (view, at) => (view.getUint8(at) - 128) / 128,
  [`${PCM} 16`]: (view, at) => view.getInt16(at, true) / 32_768,
  [`${PCM} 24`]: (view, at) => (view.getUint16(at, true) + view.getInt8(at + 2) * 65_536) / 8_388_608,
  [`${PCM} 32`]: (view, at) => view.getInt32(at, true) / 2_147_483_648,
  [`${FLOATS} 32`]: (view, at) => view.getFloat32(at, true),
};

/**
 * The channels of a WAV file (Multimedia Programming Interface and Data Specifications 1.0, 1991), of integers of 8
 * to 32 bits or of floats.
 *
 * @throws KitError it is no WAV file, or of another format.
 */
export function readWav(file: ArrayBuffer | Uint8Array): RawAudio {
  const bytes = file instanceof Uint8Array ? file : new Uint8Array(file);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const name = (at: number): string => String.fromCharCode(...bytes.subarray(at, at + 4));
  if (bytes.length < 12 || name(0) !== "RIFF" || name(8) !== "WAVE") refuse("The file is no WAV file");
  let format: { kind: number; channels: number; sampleRate: number; bits: number } | undefined;
  for (let at = 12; at + 8 <= bytes.length;) {
    const [size, start] = [view.getUint32(at + 4, true), at + 8];
    if (name(at) === "fmt " && start + 16 <= bytes.length) {
      const kind = view.getUint16(start, true);
      const sub = kind === EXTENSIBLE && start + 26 <= bytes.length ? view.getUint16(start + 24, true) : kind;
      const [channels, sampleRate] = [view.getUint16(start + 2, true), view.getUint32(start + 4, true)];
      format = { kind: sub, channels, sampleRate, bits: view.getUint16(start + 14, true) };
    } else if (name(at) === "data") {
      if (!format) break;
      const { kind, channels, sampleRate, bits } = format;
      const read = READ[`${kind} ${bits}`] ?? refuse(`The WAV file has samples of format ${kind} with ${bits} bits`);
      const step = bits / 8;
      // A recorder that was stopped leaves a size that is too large.
      const frames = Math.floor(Math.min(size, bytes.length - start) / (step * channels));
      const samples = Array.from({ length: channels }, () => new Float32Array(frames));
      samples.forEach((values, channel) => {
        for (let i = 0; i < frames; i++) values[i] = read(view, start + step * (i * channels + channel));
      });
      return { samples, sampleRate };
    }
    at = start + size + (size % 2);
  }
  return refuse("The WAV file has no samples");
}

function refuse(fact: string): never {
  throw new KitError(`${fact}.`, "Give a WAV file of PCM with 8, 16, 24 or 32 bits, or of 32-bit floats.");
}
