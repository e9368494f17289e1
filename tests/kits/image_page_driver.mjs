// Drives the page of a kit for images in headless Chromium, and prints what it saw as JSON.
//   node image_page_driver.mjs PUPPETEER CHROMIUM URL  < plan
// The plan: { file, notImage, screenshot?, stopServer?: pid }.
import { base64, choose, drive, drop, measured, plan, problem, spoken, withoutServer } from "./page_tools.mjs";

await drive(async (page, seen) => {
  await page.focus("#example");
  await page.keyboard.press("Enter");
  seen.example = await spoken(page, "Example 1");
  seen.shown = await page.$eval("#answer", (e) => e.innerText);
  seen.canvas = await page.$eval("#shown", (e) => [e.hidden, e.width, e.height, e.ariaLabel]);
  await choose(page, plan.file);
  seen.chosen = await spoken(page, "chosen.png");
  await drop(page, plan.file, "dropped.png", "image/png");
  seen.dropped = await spoken(page, "dropped.png");
  if (plan.screenshot) await page.screenshot({ path: plan.screenshot, fullPage: true });
  seen.sources = await page.evaluate(everySource, base64(plan.file));
  Object.assign(seen, await measured(page));
  await choose(page, plan.notImage);
  seen.problem = await problem(page);
  if (plan.stopServer) {
    await withoutServer(page, plan.stopServer);
    await page.click("#example");
    seen.offline = await spoken(page, "Example 1");
  }
});

/** The same image in every form that a page may have it in. */
async function everySource(base64) {
  const { ImageClassifier } = await import("./js/index.js");
  const { runtime } = await import("./demo/runtime.js");
  const model = await ImageClassifier.load({ onnxruntime: await runtime() });
  const blob = new Blob([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], { type: "image/png" });
  const bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none" });
  const element = new Image();
  element.src = `data:image/png;base64,${base64}`;
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const data = context.getImageData(0, 0, width, height);
  const sources = { bitmap, element, data, raw: { data: data.data, width, height } };
  const made = {};
  for (const [name, image] of Object.entries(sources)) made[name] = await model.classify(image);
  return made;
}
