// Drives the page of a kit for audio in headless Chromium, and prints what it saw as JSON.
//   node audio_page_driver.mjs PUPPETEER CHROMIUM URL  < plan
// The plan: { file, microphone, notSound, seconds, screenshot?, stopServer?: pid }; `microphone` is a WAV file.
import { base64, choose, drive, drop, measured, plan, problem, spoken, withoutServer } from "./page_tools.mjs";

const MICROPHONE = ["--use-fake-device-for-media-stream", `--use-file-for-fake-audio-capture=${plan.microphone}`];

await drive(async (page, seen) => {
  const { origin } = new URL(page.url());
  const allow = (permissions) => page.browserContext().overridePermissions(origin, permissions);
  await page.focus("#example");
  await page.keyboard.press("Enter");
  seen.example = await spoken(page, "Example 1");
  seen.shown = await page.$eval("#answer", (e) => e.innerText);
  seen.player = await page.$eval("#player", (e) => [e.hidden, e.controls, e.ariaLabel]);
  seen.played = await page.$eval("#player", (e) => e.readyState >= 1 ? e.duration
    : new Promise((done, fail) => { e.onloadedmetadata = () => done(e.duration); e.onerror = () => fail(e.error); }));
  await choose(page, plan.file);
  seen.chosen = await spoken(page, "chosen.wav");
  await drop(page, plan.file, "dropped.wav", "audio/wav");
  seen.dropped = await spoken(page, "dropped.wav");
  seen.sources = await page.evaluate(everySource, base64(plan.file));
  Object.assign(seen, await measured(page));

  await allow(["microphone"]);
  await page.evaluate(watch, "#record", "#spoken");
  seen.button = await page.$eval("#record", (e) => e.textContent);
  await page.focus("#record");
  await page.keyboard.press("Enter");
  seen.recorded = await spoken(page, "Recording:");
  seen.told = await page.evaluate(() => globalThis.told);
  if (plan.screenshot) await page.screenshot({ path: plan.screenshot, fullPage: true });
  seen.heard = await page.evaluate(heard, plan.seconds);
  seen.stopped = await page.evaluate(stopped);

  await allow([]);
  await page.focus("#record");
  await page.keyboard.press("Enter");
  seen.refused = await problem(page);
  seen.buttonAgain = await page.$eval("#record", (e) => e.textContent);
  await choose(page, plan.notSound);
  await page.waitForFunction(() => /read as a sound/.test(document.querySelector("#problem").innerText));
  seen.problem = await problem(page);
  if (plan.stopServer) {
    await withoutServer(page, plan.stopServer);
    await page.click("#example");
    seen.offline = await spoken(page, "Example 1");
    await allow(["microphone"]);
    await page.click("#record");
    seen.recordedOffline = await spoken(page, "Recording:");
  }
}, ...MICROPHONE);

/** Keeps every text that elements show from now on. */
function watch(...selectors) {
  globalThis.told = [];
  for (const element of selectors.map((selector) => document.querySelector(selector))) {
    new MutationObserver(() => globalThis.told.push(element.textContent)).observe(element, { childList: true });
  }
}

/** The same sound in every form that a page may have it in; its rate is one that a context can have. */
async function everySource(base64) {
  const { AudioClassifier, readWav } = await import("./js/index.js");
  const { runtime } = await import("./demo/runtime.js");
  const model = await AudioClassifier.load({ onnxruntime: await runtime() });
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const wav = readWav(bytes);
  const context = new OfflineAudioContext(wav.samples.length, wav.samples[0].length, wav.sampleRate);
  const made = context.createBuffer(wav.samples.length, wav.samples[0].length, wav.sampleRate);
  wav.samples.forEach((channel, i) => made.copyToChannel(channel, i));
  const decoded = await context.decodeAudioData(bytes.buffer.slice(0));
  const sources = { wav, made, decoded };
  const answers = {};
  for (const [name, sound] of Object.entries(sources)) answers[name] = await model.classify(sound);
  return answers;
}

/** What comes from the microphone. */
async function heard(seconds) {
  const { record } = await import("./demo/record.js");
  const { samples, sampleRate } = await record(seconds, new AbortController().signal, () => undefined);
  return { rate: sampleRate, samples: [...samples] };
}

/** A recording that is ended as soon as it begins. */
async function stopped() {
  const { record } = await import("./demo/record.js");
  const ending = new AbortController();
  const { samples, sampleRate } = await record(60, ending.signal, () => setTimeout(() => ending.abort(), 100));
  return samples.length / sampleRate;
}
