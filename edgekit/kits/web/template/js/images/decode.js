/** The pixels of what a page calls an image. */
import { KitError } from "../error.js";
/**
 * Raw pixels as they are; anything else is drawn on a canvas of its own size and read from there.
 *
 * @throws KitError it is not decoded, or of another site that doesn't let pages read it.
 */
export async function pixelsOf(image) {
    if ("data" in image)
        return image;
    if ("decode" in image)
        await image.decode().catch((cause) => refuse("The image can't be decoded", cause));
    const [width, height] = "naturalWidth" in image
        ? [image.naturalWidth, image.naturalHeight] : [image.width, image.height];
    if (!width || !height)
        return refuse("The image has no pixels: it is closed, or has no size of its own");
    const context = contextOf(width, height);
    context.drawImage(image, 0, 0, width, height);
    try {
        return context.getImageData(0, 0, width, height);
    }
    catch (cause) {
        return refuse("The image is of another site, and can't be read", cause);
    }
}
function contextOf(width, height) {
    const canvas = typeof OffscreenCanvas === "undefined"
        ? Object.assign(document.createElement("canvas"), { width, height }) : new OffscreenCanvas(width, height);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    return context ?? refuse(`There is no canvas of ${width} × ${height} pixels here`);
}
function refuse(fact, cause) {
    throw new KitError(`${fact}.`, "Give a PNG, JPEG or WebP image of your own site, or its pixels.", cause);
}
