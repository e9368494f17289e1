/** What only Node has. Other surroundings never import this file, and bundlers for browsers leave it out. */
import type { Device } from "./device.js";
import type { OnnxRuntime } from "./options.js";
export declare const readBytes: (url: URL, signal?: AbortSignal) => Promise<Uint8Array>;
export declare const folderUrl: (path: string) => URL;
export declare const thisMachine: () => Device;
/** Resident memory of this process at its highest so far. */
export declare const peakBytes: () => number;
export declare const importRuntime: () => Promise<OnnxRuntime>;
