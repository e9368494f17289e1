/** Measures a model that reads clips. */

import { measuring, type Measure, type Verified } from "../protocol.js";
import { AudioEngine } from "./engine.js";
import type { RawAudio } from "./source.js";

export * from "../protocol.js";

/** A clip, and what was verified for it. */
export interface Sample extends Verified {
  readonly audio: RawAudio;
}

/** Reads the content of samples.json, whose 16-bit PCM is base64. */
export function readSamples(json: string): Sample[] {
  type Written = { rate: number; pcm: string; output: number[] };
  return (JSON.parse(json) as { samples: Written[] }).samples.map(({ rate, pcm, output }) => ({
    audio: { samples: from16Bits(atob(pcm)), sampleRate: rate }, output,
  }));
}

function from16Bits(bytes: string): Float32Array {
  const view = new DataView(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)).buffer);
  return Float32Array.from({ length: bytes.length / 2 }, (_, i) => view.getInt16(2 * i, true) / 32_768);
}

export const measure: Measure<Sample> = measuring({
  load: (options) => AudioEngine.load(options),
  prepare: (engine, { audio }: Sample) => engine.prepare(audio),
  run: (engine, samples) => engine.runSamples(samples),
});
