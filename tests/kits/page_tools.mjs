/** What drives the page of a classifier in headless Chromium: its address and plan come from the command line. */
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [puppeteerPath, executablePath, url] = process.argv.slice(2);
export const plan = JSON.parse(readFileSync(0, "utf8"));
export const base64 = (file) => readFileSync(file).toString("base64");

/** Prints what `use(page, seen)` saw as JSON, with requests to other servers and errors. */
export async function drive(use, ...args) {
  const puppeteer = (await import(pathToFileURL(puppeteerPath).href)).default;
  const browser = await puppeteer.launch({
    executablePath, headless: true,
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", ...args],
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
    await use(page, seen);
  } finally {
    await browser.close();
  }
  console.log(JSON.stringify(seen));
}

async function open(page) {
  await page.goto(url);
  await page.waitForSelector("html[data-ready], #problem:not([hidden])");
}

/** What a screen reader is told, once it begins with a name. */
export async function spoken(page, name) {
  await page.waitForFunction((name) => document.querySelector("#spoken").textContent.startsWith(name), {}, name);
  return page.$eval("#spoken", (e) => e.textContent);
}

export async function problem(page) {
  await page.waitForSelector("#problem:not([hidden])");
  return page.$eval("#problem", (e) => e.innerText);
}

export async function choose(page, file) {
  await (await page.$("#file")).uploadFile(file);
}

export function drop(page, file, name, type) {
  return page.evaluate((base64, name, type) => {
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([bytes], name, { type }));
    for (const kind of ["dragover", "drop"]) {
      const event = new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true });
      if (document.body.dispatchEvent(event)) throw new Error(`${kind} would leave the page`);
    }
  }, base64(file), name, type);
}

/** The page's button that measures: the result that it offers, and the rows that it shows. */
export async function measured(page) {
  await page.$eval("#seconds", (e) => (e.value = "0"));
  await page.click("#measure");
  await page.waitForSelector("#download:not([hidden])");
  const result = await page.evaluate(async () => JSON.parse(await globalThis.offered.text()));
  return { result, rows: await page.$eval("#rows", (e) => e.innerText) };
}

/** The page again, after the server of this process id is gone. */
export async function withoutServer(page, pid) {
  await page.waitForFunction(() => document.querySelector("#facts div:last-child dd").textContent === "ready");
  process.kill(pid);
  await new Promise((done) => setTimeout(done, 500));
  await open(page);
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
