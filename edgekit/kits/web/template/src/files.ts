/** The kit's files, wherever they lie. */

import { KitError } from "./error.js";
import type { Options } from "./options.js";

/** kit.json */
export interface Kit {
  readonly format: string;
  readonly edgekit_version: string;
  readonly artifact: {
    readonly name: string;
    readonly target: string;
    readonly precision: string;
    readonly task: string;
    readonly sha256: string;
    readonly size_bytes: number;
    readonly parameters: number;
  };
  readonly model: string;
  /** The file with the model's weights, where they are in one of their own. */
  readonly weights?: string;
  /** The model for WebAssembly: the same weights, which it unpacks when it is opened. */
  readonly unpacked?: string;
  readonly inputs: Readonly<Record<string, "int32" | "int64" | "float32">>;
  readonly output: string;
  readonly labels: readonly string[];
  readonly max_length: number | null;
  /** Of a model for images: how they are prepared, in pixels. */
  readonly image?: { readonly size: number; readonly shortest_edge: number };
  /** Of a model for clips: what it hears, in Hz and samples. */
  readonly audio?: { readonly sampling_rate: number; readonly samples: number };
  /** Of every other file, as fetch takes it. */
  readonly integrity: Readonly<Record<string, string>>;
}

export interface Files {
  readonly kit: Kit;
  bytes(name: string): Promise<Uint8Array>;
  text(name: string): Promise<string>;
}

export const inNode = typeof process === "object" && !!process.versions?.node && typeof document === "undefined";

/**
 * Reads kit.json; the other files are read when they are asked for.
 *
 * @throws KitError a file isn't there, or is another one than this kit's.
 */
export async function openFiles({ files, signal }: Options): Promise<Files> {
  const folder = await folderOf(files);
  const read = async (name: string, integrity?: string): Promise<Uint8Array> => {
    const url = new URL(name, folder);
    try {
      if (url.protocol === "file:" && inNode) return await (await import("./node.js")).readBytes(url, signal);
      return await fetched(url, integrity, signal);
    } catch (cause) {
      signal?.throwIfAborted();
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new KitError(
        `${url.href} could not be read (${why}).`,
        "Serve the kit's folder model/ as it is, and say where it lies with the option `files`.", cause,
      );
    }
  };
  const decoder = new TextDecoder();
  const kit = JSON.parse(decoder.decode(await read("kit.json"))) as Kit;
  const bytes = (name: string): Promise<Uint8Array> => read(name, kit.integrity[name]);
  return { kit, bytes, text: async (name) => decoder.decode(await bytes(name)) };
}

async function folderOf(files?: string | URL): Promise<URL> {
  // Bundlers take `new URL(…, import.meta.url)` for a file that they should copy; this is a folder.
  const here = import.meta.url;
  if (files === undefined) return new URL("../model/", here);
  const text = `${files}`;
  const folder = text.endsWith("/") ? text : `${text}/`;
  if (inNode && !/^[a-z]{2,}:/.test(folder)) return (await import("./node.js")).folderUrl(text);
  return new URL(folder, globalThis.location?.href);
}

/** The bytes, which the browser compares with their hash: a stale copy of another version is an error. */
async function fetched(url: URL, integrity?: string, signal?: AbortSignal): Promise<Uint8Array> {
  const response = await fetch(url, {
    ...(integrity ? { integrity } : { cache: "no-cache" }),
    ...(signal ? { signal } : {}),
  });
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}
