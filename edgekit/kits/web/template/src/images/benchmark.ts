/** Measures a model that reads images. */

import { measuring, type Measure, type Verified } from "../protocol.js";
import { ImageEngine } from "./engine.js";
import type { RawImage } from "./prepare.js";

export * from "../protocol.js";

/** An image, and what was verified for it. */
export interface Sample extends Verified {
  readonly image: RawImage;
}

/** Reads the content of samples.json, whose pixels are base64. */
export function readSamples(json: string): Sample[] {
  type Written = { width: number; height: number; rgb: string; output: number[] };
  return (JSON.parse(json) as { samples: Written[] }).samples.map(({ width, height, rgb, output }) => ({
    image: { width, height, data: Uint8Array.from(atob(rgb), (byte) => byte.charCodeAt(0)) }, output,
  }));
}

export const measure: Measure<Sample> = measuring({
  load: (options) => ImageEngine.load(options),
  prepare: (engine, { image }: Sample) => engine.prepare(image),
  run: (engine, pixels) => engine.runPixels(pixels),
});
