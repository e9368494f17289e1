// Drives the page of a kit that writes text in headless Chromium, and prints what it saw as JSON.
//   node generator_page_driver.mjs PUPPETEER CHROMIUM URL  < plan
// The plan: { type, screenshot?, stopServer?: pid }.
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
  await page.setViewport({ width: 800, height: 1000, deviceScaleFactor: 2 });
  await open(page);
  seen.problem = await page.$eval("#problem", (e) => (e.hidden ? "" : e.innerText));
  if (!seen.problem) await use(page);
} finally {
  await browser.close();
}
console.log(JSON.stringify(seen));

async function open(page) {
  await page.goto(url);
  await page.waitForSelector("html[data-ready], #problem:not([hidden])");
}

async function use(page) {
  // Everything by keyboard.
  await page.keyboard.press("Tab");
  while ((await page.evaluate(() => document.activeElement.id)) !== "text") await page.keyboard.press("Tab");
  await page.$eval("#most", (e, most) => (e.value = most), `${plan.most ?? 24}`);
  seen.first = await say(page, plan.type);
  seen.second = await say(page, plan.type);
  seen.live = await page.$eval("#spoken", (e) => e.getAttribute("aria-live"));
  await page.$eval("#seconds", (e) => (e.value = "0"));
  await page.evaluate(() => {
    const make = URL.createObjectURL;
    URL.createObjectURL = (blob) => make((globalThis.made = blob));
  });
  await page.click("#measure");
  await page.waitForSelector("#download:not([hidden])");
  seen.measured = await page.$eval("#progress", (e) => e.textContent);
  seen.result = await page.evaluate(() => made.text());
  if (plan.screenshot) await page.screenshot({ path: plan.screenshot, fullPage: true });
  await page.click("#clear");
  await page.$eval("#most", (e) => (e.value = "4096"));
  await page.keyboard.sendCharacter(plan.type);
  await page.evaluate(() => {
    document.querySelector("#form").requestSubmit();
    document.querySelector("#stop").focus();
    document.querySelector("#stop").click();
  });
  await page.waitForFunction(() => document.querySelector("#stop").hidden);
  seen.stopped = (await facts(page))["Ended by"];
  seen.focus = await page.evaluate(() => document.activeElement.id);
  if (plan.stopServer) {
    await page.waitForFunction(() => document.querySelector("#facts div:last-child dd").textContent === "ready");
    process.kill(plan.stopServer);
    await new Promise((done) => setTimeout(done, 500));
    await open(page);
    await page.focus("#text");
    await page.$eval("#most", (e, most) => (e.value = most), `${plan.most ?? 24}`);
    seen.offline = await say(page, plan.type);
  }
}

/** Sends a text; what was written, what a screen reader heard, and the figures. */
async function say(page, text) {
  await page.evaluate(() => {
    globalThis.heard = [];
    globalThis.grew = 0;
    const all = { childList: true, subtree: true, characterData: true };
    new MutationObserver(() => heard.push(document.querySelector("#spoken").textContent))
      .observe(document.querySelector("#spoken"), all);
    new MutationObserver(() => (grew += 1)).observe(document.querySelector("#talk"), all);
  });
  await page.focus("#text");
  await page.keyboard.sendCharacter(text);
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelector("#stop").hidden && document.querySelector("#talk p"));
  return {
    written: await page.$eval("#talk p:last-child", (e) => e.textContent),
    heard: await page.evaluate(() => heard.join("")),
    grew: await page.evaluate(() => grew),
    facts: await facts(page),
  };
}

function facts(page) {
  return page.$eval("#facts", (list) =>
    Object.fromEntries([...list.children].map((e) => [e.children[0].textContent, e.children[1].textContent])));
}
