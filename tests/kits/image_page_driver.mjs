// Drives the page of a kit for images in headless Chromium, and prints what it saw as JSON.
//   node image_page_driver.mjs PUPPETEER CHROMIUM URL  < plan
// The plan: { file, notImage, screenshot?, stopServer?: pid }.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [puppeteerPath, executablePath, url] = process.argv.slice(2);
const puppeteer = (await import(pathToFileURL(puppeteerPath).href)).default;
const plan = JSON.parse(readFileSync(0, "utf8"));
const browser = await puppeteer.launch({
  executablePath, headless: true, args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
});
const seen = { foreign: [], errors: [] };
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(180_000);
  page.on("pageerror", (error) => seen.errors.push(String(error)));
  page.on("request", (request) => new URL(request.url()).origin !== new URL(url).origin
    && !/^(data|blob):/.test(request.url()) && seen.foreign.push(request.url()));
  await page.setViewport({ width: 800, height: 1000, deviceScaleFactor: 1 });
  await page.evaluateOnNewDocument(() => {
    const make = URL.createObjectURL;
    URL.createObjectURL = (blob) => make((globalThis.offered = blob));
  });
  await open(page);
  seen.heading = await page.$eval("h1", (e) => e.textContent);
  seen.tabOrder = await tabOrder(page);
  await page.focus("#example");
  await page.keyboard.press("Enter");
  seen.example = await spoken(page, "Example 1");
  seen.shown = await page.$eval("#answer", (e) => e.innerText);
  seen.canvas = await page.$eval("#shown", (e) => [e.hidden, e.width, e.height, e.ariaLabel]);
  await (await page.$("#file")).uploadFile(plan.file);
  seen.chosen = await spoken(page, "chosen.png");
  await drop(page, plan.file, "dropped.png");
  seen.dropped = await spoken(page, "dropped.png");
  if (plan.screenshot) await page.screenshot({ path: plan.screenshot, fullPage: true });
  seen.sources = await page.evaluate(everySource, readFileSync(plan.file).toString("base64"));
  await page.$eval("#seconds", (e) => (e.value = "0"));
  await page.click("#measure");
  await page.waitForSelector("#download:not([hidden])");
  seen.result = await page.evaluate(async () => JSON.parse(await globalThis.offered.text()));
  seen.rows = await page.$eval("#rows", (e) => e.innerText);
  await (await page.$("#file")).uploadFile(plan.notImage);
  await page.waitForSelector("#problem:not([hidden])");
  seen.problem = await page.$eval("#problem", (e) => e.innerText);
  if (plan.stopServer) {
    await page.waitForFunction(() => document.querySelector("#facts div:last-child dd").textContent === "ready");
    process.kill(plan.stopServer);
    await new Promise((done) => setTimeout(done, 500));
    await open(page);
    await page.click("#example");
    seen.offline = await spoken(page, "Example 1");
  }
} finally {
  await browser.close();
}
console.log(JSON.stringify(seen));

async function open(page) {
  await page.goto(url);
  await page.waitForSelector("html[data-ready], #problem:not([hidden])");
}

async function spoken(page, name) {
  await page.waitForFunction((name) => document.querySelector("#spoken").textContent.startsWith(name), {}, name);
  return page.$eval("#spoken", (e) => e.textContent);
}

function drop(page, file, name) {
  return page.evaluate((base64, name) => {
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([bytes], name, { type: "image/png" }));
    for (const kind of ["dragover", "drop"]) {
      const event = new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true });
      if (document.body.dispatchEvent(event)) throw new Error(`${kind} would leave the page`);
    }
  }, readFileSync(file).toString("base64"), name);
}

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

async function tabOrder(page) {
  const ids = [];
  for (let i = 0; i < 6; i++) {
    await page.keyboard.press("Tab");
    const id = await page.evaluate(() => document.activeElement.id);
    if (!id || ids.includes(id)) break;
    ids.push(id);
  }
  return ids;
}
