/** The pixels of what a page calls an image. */
import type { RawImage } from "./prepare.js";
/** What a model takes: in Node raw pixels, in pages and workers also what the browser decoded. */
export type ImageSource = RawImage | ImageData | ImageBitmap | HTMLImageElement;
/**
 * Raw pixels as they are; anything else is drawn on a canvas of its own size and read from there.
 *
 * @throws KitError it is not decoded, or of another site that doesn't let pages read it.
 */
export declare function pixelsOf(image: ImageSource): Promise<RawImage>;
