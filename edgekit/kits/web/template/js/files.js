/** The kit's files, wherever they lie. */
import { KitError } from "./error.js";
export const inNode = typeof process === "object" && !!process.versions?.node && typeof document === "undefined";
/**
 * Reads kit.json; the other files are read when they are asked for.
 *
 * @throws KitError a file isn't there, or is another one than this kit's.
 */
export async function openFiles({ files, signal }) {
    const folder = await folderOf(files);
    const read = async (name, integrity) => {
        const url = new URL(name, folder);
        try {
            if (url.protocol === "file:" && inNode)
                return await (await import("./node.js")).readBytes(url, signal);
            return await fetched(url, integrity, signal);
        }
        catch (cause) {
            signal?.throwIfAborted();
            const why = cause instanceof Error ? cause.message : String(cause);
            throw new KitError(`${url.href} could not be read (${why}).`, "Serve the kit's folder model/ as it is, and say where it lies with the option `files`.", cause);
        }
    };
    const decoder = new TextDecoder();
    const kit = JSON.parse(decoder.decode(await read("kit.json")));
    const bytes = (name) => read(name, kit.integrity[name]);
    return { kit, bytes, text: async (name) => decoder.decode(await bytes(name)) };
}
async function folderOf(files) {
    // Bundlers take `new URL(…, import.meta.url)` for a file that they should copy; this is a folder.
    const here = import.meta.url;
    if (files === undefined)
        return new URL("../model/", here);
    const text = `${files}`;
    const folder = text.endsWith("/") ? text : `${text}/`;
    if (inNode && !/^[a-z]{2,}:/.test(folder))
        return (await import("./node.js")).folderUrl(text);
    return new URL(folder, globalThis.location?.href);
}
/** The bytes, which the browser compares with their hash: a stale copy of another version is an error. */
async function fetched(url, integrity, signal) {
    const response = await fetch(url, {
        ...(integrity ? { integrity } : { cache: "no-cache" }),
        ...(signal ? { signal } : {}),
    });
    if (!response.ok)
        throw new Error(`${response.status} ${response.statusText}`);
    return new Uint8Array(await response.arrayBuffer());
}
