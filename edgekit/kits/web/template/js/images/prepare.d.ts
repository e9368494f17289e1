/**
 * An image as the model reads it: its shorter side is resized by Pillow's bilinear filter, the middle is cut out.
 *
 * The weights are rounded to 22 bits as Pillow does it (src/libImaging/Resample.c); rows are resized first and rounded
 * to 8 bits, then columns. The pixels are those of Python to the last bit. Nothing outside the cut is computed.
 */
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
/**
 * Red, green and blue planes of size × size, 0 to 255; black where the cut is larger than the image.
 *
 * @throws KitError the sizes are not those of the data.
 */
export declare function prepare(image: RawImage, { size, shortest_edge: edge }: Preparation): Uint8Array;
