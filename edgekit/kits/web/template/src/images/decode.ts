/** The pixels of what a page calls an image. */

import { KitError } from "../error.js";
import type { RawImage } from "./prepare.js";

/** What a model takes: in Node raw pixels, in pages and workers also what the browser decoded. */
export type ImageSource = RawImage | ImageData | ImageBitmap | HTMLImageElement;

/**
 * Raw pixels as they are; anything else is drawn on a canvas of its own size and read from there.
 *
 * @throws KitError it is not decoded, or of another site that doesn't let pages read it.
 */
export async function pixelsOf(image: ImageSource): Promise<RawImage> {
  if ("data" in image) return image;
  if ("decode" in image) await image.decode().catch((cause: unknown) => refuse("The image can't be decoded", cause));
  const [width, height] = "naturalWidth" in image
    ? [image.naturalWidth, image.naturalHeight] : [image.width, image.height];
  if (!width || !height) return refuse("The image has no pixels: it is closed, or has no size of its own");
  const context = contextOf(width, height);
  context.drawImage(image, 0, 0, width, height);
  try {
    return context.getImageData(0, 0, width, height);
  } catch (cause) {
    return refuse("The image is of another site, and can't be read", cause);
  }
}

function contextOf(width: number, height: number): CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D {
  const canvas = typeof OffscreenCanvas === "undefined"
    ? Object.assign(document.createElement("canvas"), { width, height }) : new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true }) as
    CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D | null;
  return context ?? refuse(`There is no canvas of ${width} × ${height} pixels here`);
}

function refuse(fact: string, cause?: unknown): never {
  throw new KitError(`${fact}.`, "Give a PNG, JPEG or WebP image of your own site, or its pixels.", cause);
}
