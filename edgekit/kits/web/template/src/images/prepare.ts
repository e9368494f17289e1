/**
 * An image as the model reads it: its shorter side is resized by Pillow's bilinear filter, the middle is cut out.
 *
 * The weights are rounded to 22 bits as Pillow does it (src/libImaging/Resample.c); rows are resized first and rounded
 * to 8 bits, then columns. The pixels are those of Python to the last bit. Nothing outside the cut is computed.
 */

import { KitError } from "../error.js";

/** Pixels row after row: red, green, blue, and opacity or not. ImageData is of this kind. */
export interface RawImage {
  readonly data: Uint8Array | Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
}

/** In pixels. */
export interface Preparation {
  /** Side of the square that the model reads. */
  readonly size: number;
  /** What the shorter side is brought to before the middle is cut out. */
  readonly shortest_edge: number;
}

/** Of a place: the first source place, and the weights from there on. */
type Taps = readonly [first: number, weights: Int32Array];

const CHANNELS = 3;
const PRECISION_BITS = 32 - 8 - 2;
const NONE = new Int32Array();

/**
 * Red, green and blue planes of size × size, 0 to 255; black where the cut is larger than the image.
 *
 * @throws KitError the sizes are not those of the data.
 */
export function prepare(image: RawImage, { size, shortest_edge: edge }: Preparation): Uint8Array {
  const { data, width, height } = image;
  const step = stepOf(image);
  const short = Math.min(width, height);
  const columns = cut(width, Math.floor((width * edge) / short), size);
  const rows = cut(height, Math.floor((height * edge) / short), size);
  const used = rows.filter(([, weights]) => weights.length);
  const top = Math.min(...used.map(([first]) => first));
  const bottom = Math.max(...used.map(([first, weights]) => first + weights.length));
  const made = new Uint8Array(CHANNELS * size * size);
  const plane = new Uint8Array((bottom - top) * size);
  for (let channel = 0; channel < CHANNELS; channel++) {
    for (let y = top; y < bottom; y++) {
      columns.forEach(([first, weights], x) => {
        plane[(y - top) * size + x] = weighted(data, step * (y * width + first) + channel, step, weights);
      });
    }
    rows.forEach(([first, weights], y) => {
      for (let x = 0; x < size; x++) {
        made[(channel * size + y) * size + x] = weighted(plane, (first - top) * size + x, size, weights);
      }
    });
  }
  return made;
}

/** Values of a pixel. */
function stepOf({ data, width, height }: RawImage): 3 | 4 {
  const step = data.length / (width * height);
  if (width > 0 && height > 0 && Number.isInteger(width) && Number.isInteger(height) && (step === 3 || step === 4)) {
    return step;
  }
  throw new KitError(
    `${data.length} values are no image of ${width} × ${height} pixels.`,
    "Give red, green, blue (and opacity) of every pixel, row after row, with the image's width and height.",
  );
}

/** The taps of the middle `size` places, when `source` places become `target`; a place outside has no weights. */
function cut(source: number, target: number, size: number): Taps[] {
  const first = Math.floor((target - size) / 2);
  return Array.from({ length: size }, (_, i) => {
    const place = first + i;
    return place >= 0 && place < target ? taps(source, target, place) : [0, NONE];
  });
}

/** In Pillow's order of operations. */
function taps(source: number, target: number, place: number): Taps {
  const scale = source / target;
  const support = Math.max(scale, 1); // of a triangle filter: half its width
  const centre = (place + 0.5) * scale;
  const begin = Math.max(Math.trunc(centre - support + 0.5), 0);
  const end = Math.min(Math.trunc(centre + support + 0.5), source);
  const narrowing = 1 / support;
  const weights = Array.from({ length: end - begin }, (_, i) =>
    Math.max(0, 1 - Math.abs((begin + i - centre + 0.5) * narrowing)));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return [begin, Int32Array.from(weights, (weight) => 0.5 + (weight / total) * (1 << PRECISION_BITS))];
}

/** Rounded, and cut off at 255. */
function weighted(values: Uint8Array | Uint8ClampedArray, first: number, step: number, weights: Int32Array): number {
  let total = 1 << (PRECISION_BITS - 1);
  for (let i = 0; i < weights.length; i++) total += (values[first + i * step] as number) * (weights[i] as number);
  return Math.min(total >> PRECISION_BITS, 255);
}
