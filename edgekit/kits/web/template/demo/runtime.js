/** Pages and workers without a bundler can't import by name: here is onnxruntime-web, as `npm install` puts it. */
const file = new URL("../node_modules/onnxruntime-web/dist/ort.wasm.bundle.min.mjs", import.meta.url);

export async function runtime() {
  try {
    return await import(file.href);
  } catch (cause) {
    throw Object.assign(new Error(`onnxruntime-web is not there (${file.pathname}).`), {
      remedy: "Run `npm install` in the folder of this kit, and load the page again.", cause,
    });
  }
}
