// Drives a kit's page in headless Chromium, and prints what it saw as JSON.
//   node page_driver.mjs PUPPETEER CHROMIUM URL  < plan
// The plan: { texts, pair?, threads?, measureSeconds?, screenshot?, dark?, stopServer?: pid }.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [puppeteerPath, executablePath, url] = process.argv.slice(2);
const puppeteer = (await import(pathToFileURL(puppeteerPath).href)).default;
const plan = JSON.parse(readFileSync(0, "utf8"));
const browser = await puppeteer.launch({
  executablePath, headless: true, args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
});
const seen = { console: [], foreign: [] };
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(180_000);
  page.on("console", (line) => ["error", "warn"].includes(line.type()) && seen.console.push(line.text()));
  page.on("pageerror", (error) => seen.console.push(String(error)));
  page.on("request", (request) => new URL(request.url()).origin !== new URL(url).origin
    && !/^(data|blob):/.test(request.url()) && seen.foreign.push(request.url()));
  if (plan.dark) await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: "dark" }]);
  await page.setViewport({ width: plan.width ?? 800, height: 1000, deviceScaleFactor: 2 });
  await page.evaluateOnNewDocument(() => {
    const make = URL.createObjectURL;
    URL.createObjectURL = (blob) => make((globalThis.offered = blob));
  });
  await page.goto(url);
  await page.waitForSelector("html[data-ready], #problem:not([hidden])");
  seen.problem = await page.$eval("#problem", (e) => (e.hidden ? "" : e.innerText));
  seen.isolated = await page.evaluate(() => crossOriginIsolated);
  seen.title = await page.title();
  seen.heading = await page.$eval("h1", (e) => e.textContent);
  seen.threadsOffShown = await page.$eval("#threads-off", (e) => !e.hidden);
  if (!seen.problem) await use(page);
  if (plan.screenshot) {
    await page.evaluate(() => document.activeElement?.blur());
    await new Promise((done) => setTimeout(done, 500));
    await page.screenshot({ path: plan.screenshot, fullPage: true });
  }
} finally {
  await browser.close();
}
console.log(JSON.stringify(seen));

async function use(page) {
  seen.tabOrder = await tabOrder(page);
  seen.answers = await page.evaluate(async (texts, threads) => {
    const { Classifier, Tagger } = await import("./js/index.js");
    const { runtime } = await import("./demo/runtime.js");
    const model = await (Classifier ?? Tagger).load({ onnxruntime: await runtime(), ...(threads ? { threads } : {}) });
    const made = [];
    for (const text of texts) {
      const start = performance.now();
      const answer = model.classify ? await model.classify(text) : await model.tag(text);
      made.push({ answer, ms: performance.now() - start });
    }
    return { threads: model.threads, made };
  }, plan.texts ?? [], plan.threads);
  if (plan.type) {
    await page.focus("#text");
    await page.keyboard.sendCharacter(plan.type);
    seen.spoken = await spoken(page);
    seen.shown = await page.$eval("#answer", (e) => e.innerText);
    seen.facts = await facts(page);
  }
  if (plan.measureSeconds !== undefined) {
    await page.$eval("#seconds", (e, value) => (e.value = value), `${plan.measureSeconds}`);
    await page.click("#measure");
    await page.waitForSelector("#download:not([hidden])");
    seen.result = await page.evaluate(async () => JSON.parse(await globalThis.offered.text()));
    seen.rows = await page.$eval("#rows", (e) => e.innerText);
    seen.focus = await page.evaluate(() => document.activeElement.id);
  }
  if (plan.stopServer) {
    await page.waitForFunction(() => document.querySelector("#facts div:last-child dd").textContent === "ready");
    process.kill(plan.stopServer);
    await new Promise((done) => setTimeout(done, 500));
    await page.goto(url);
    await page.waitForSelector("html[data-ready], #problem:not([hidden])");
    await page.focus("#text");
    await page.keyboard.sendCharacter(plan.type);
    seen.offline = { spoken: await spoken(page), isolated: await page.evaluate(() => crossOriginIsolated) };
  }
}

/** What a screen reader is told once typing has stopped: the answer that is shown. */
async function spoken(page) {
  await page.waitForFunction(() => {
    const share = document.querySelector("#answer .share, #answer li .label, #answer p");
    return share && document.querySelector("#spoken").textContent.includes(share.textContent);
  });
  return page.$eval("#spoken", (e) => e.textContent);
}

function facts(page) {
  return page.$eval("#facts", (list) =>
    Object.fromEntries([...list.children].map((e) => [e.children[0].textContent, e.children[1].textContent])));
}

async function tabOrder(page) {
  const ids = [];
  await page.evaluate(() => { document.activeElement.blur(); window.scrollTo(0, 0); });
  for (let i = 0; i < 8; i++) {
    await page.keyboard.press("Tab");
    const id = await page.evaluate(() => document.activeElement.id);
    if (!id || ids.includes(id)) break;
    ids.push(id);
  }
  return ids;
}
