/**
 * edgekit's measuring protocol for a decoder on one device: a prompt of 128 and of 512 tokens is read, then 64 tokens
 * are written, each time the likeliest. Tokenizing is left out, as everybody does.
 */
import type { Options } from "../options.js";
import { type Protocol, type Row } from "../protocol.js";
export { deviceResult, type DeviceResult, type Protocol, type Row } from "../protocol.js";
/**
 * One way of running the model; what can't be measured is a row that says why.
 *
 * @param golden the content of generation-golden.txt, whose prompts are read one after the other.
 * @param protocol for how long each length of prompt is measured, at least five times, after untimed texts.
 */
export declare function measure(golden: string, options?: Options, protocol?: Protocol): Promise<Row>;
