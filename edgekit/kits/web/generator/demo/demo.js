/** The page: write something, and read what the model makes of it while it is written. */
import { keepForOffline } from "./offline.js";

const at = (id) => document.getElementById(id);
const [talk, text, send, stop, spoken] = ["talk", "text", "send", "stop", "spoken"].map(at);
const SENTENCE = /[.!?。！？…]["')\]]?\s|\n/; // after it a screen reader is told what came

const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
const messages = []; // of the conversation
let facts;
let answer; // the paragraph that is being written
let began = 0;
let count = 0;
let untold = "";

async function start() {
  const response = await fetch("./model/kit.json", { cache: "no-cache" });
  if (!response.ok) {
    throw Object.assign(new Error(`model/kit.json could not be read (${response.status}).`), {
      remedy: "Serve the kit's whole folder: `node serve.mjs`.",
    });
  }
  const kit = await response.json();
  document.title = kit.name || document.title;
  at("name").textContent = kit.name;
  at("waiting").textContent = `Loading the model, ${megabytes(kit.artifact.size_bytes)} …`;
  at("threads-off").hidden = crossOriginIsolated;
  worker.addEventListener("message", ({ data }) => take(data, kit));
  worker.addEventListener("error", ({ message }) => problem(new Error(message || "The worker could not be started.")));
}

function take({ ready, piece, written, result, problem: told }, kit) {
  if (ready) return begin(ready, kit);
  if (result !== undefined) {
    measured(result);
    return told && problem(told);
  }
  if (told) {
    if (at("chat").checked) messages.pop(); // the model has not answered it
    rest();
    return problem(told);
  }
  if (piece !== undefined) {
    answer.append(piece);
    talk.scrollTop = talk.scrollHeight;
    untold += piece;
    if (SENTENCE.test(untold)) tell();
    show("Tokens a second", ((++count * 1000) / (performance.now() - began)).toFixed(1));
    return;
  }
  tell();
  if (at("chat").checked) messages.push({ role: "assistant", content: answer.textContent });
  if (written) {
    const { tokens, firstMs, nextMs, reusedTokens, promptTokens, stoppedBy } = written;
    if (tokens.length > 1) show("Tokens a second", (((tokens.length - 1) * 1000) / nextMs).toFixed(1));
    show("First token", `${firstMs.toFixed(0)} ms`);
    show("Prompt", `${promptTokens} tokens, ${reusedTokens} known`);
    show("Ended by", stoppedBy);
  } else {
    show("Ended by", "you");
  }
  rest();
}

function begin({ hasChat, threads, runtime, context, used }, kit) {
  facts = new Map(Object.entries({
    "Tokens a second": "–", "First token": "–", Prompt: "–", "Ended by": "–",
    "Model size": megabytes(kit.artifact.size_bytes), Precision: kit.artifact.precision, Context: `${context} tokens`, Threads: `${threads}`, Runtime: runtime,
    "Without network": "not yet",
  }).map(([name, value]) => {
    const cell = Object.assign(document.createElement("dd"), { textContent: value });
    const group = document.createElement("div");
    group.append(Object.assign(document.createElement("dt"), { textContent: name }), cell);
    at("facts").append(group);
    return [name, cell];
  }));
  at("waiting").remove();
  at("chat-label").hidden = !hasChat;
  at("chat").checked = hasChat;
  text.value = hasChat ? "" : kit.example;
  text.disabled = send.disabled = at("clear").disabled = at("measure").disabled = false;
  document.documentElement.dataset.ready = "true";
  keepForOffline(kit, ["", ...used])
    .then((word) => show("Without network", word), ({ message }) => show("Without network", `no: ${message}`));
}

at("form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!text.value.trim() || send.disabled) return;
  const chat = at("chat").checked;
  at("problem").hidden = true;
  const said = talk.appendChild(paragraph(text.value));
  if (chat) {
    said.className = "said";
    messages.push({ role: "user", content: text.value });
    answer = talk.appendChild(paragraph(""));
  } else {
    answer = said; // the model writes on in the same paragraph
  }
  const options = { temperature: Number(at("temperature").value) || 0, maxTokens: Number(at("most").value) || 128 };
  worker.postMessage({ ask: chat ? messages : text.value, options });
  [began, count, untold] = [performance.now(), 0, ""];
  if (chat) text.value = "";
  busy();
  spoken.textContent = "The model writes.";
});
text.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  at("form").requestSubmit();
});
stop.addEventListener("click", () => worker.postMessage({ stop: true }));
at("chat").addEventListener("change", clear);
at("clear").addEventListener("click", clear);

function clear() {
  messages.length = 0;
  talk.replaceChildren();
  text.focus();
}

at("measure").addEventListener("click", () => {
  worker.postMessage({ minimumSeconds: Math.max(0, Number(at("seconds").value) || 0) });
  at("download").hidden = true;
  at("progress").textContent = "Measuring … Stop ends it.";
  busy();
});

/** What was measured, to read and to take along; null: it was stopped. */
function measured(result) {
  const [row] = result?.rows ?? [];
  const told = row?.generation?.map(({ prompt_tokens, first_token_p50_ms, tokens_per_second, tokens_per_second_sd }) =>
    `After ${prompt_tokens} tokens the first one came in ${first_token_p50_ms.toFixed(0)} ms, then `
    + `${tokens_per_second.toFixed(1)} ± ${tokens_per_second_sd.toFixed(1)} a second.`);
  at("progress").textContent = row ? (told?.join(" ") ?? `Not measured: ${row.not_measured}`) : "Stopped.";
  if (row) {
    const blob = new Blob([JSON.stringify(result, null, 2)], { type: "application/json" });
    Object.assign(at("download"), { href: URL.createObjectURL(blob), download: "result.json", hidden: false });
  }
  rest();
}

function busy() {
  send.disabled = at("clear").disabled = at("chat").disabled = at("measure").disabled = true;
  stop.hidden = false;
}

/** The model has nothing to do. */
function rest() {
  const focused = document.activeElement === stop;
  stop.hidden = true;
  send.disabled = at("clear").disabled = at("chat").disabled = at("measure").disabled = false;
  if (focused) text.focus();
}

function tell() {
  if (untold.trim()) spoken.textContent = untold;
  untold = "";
}

const paragraph = (textContent) => Object.assign(document.createElement("p"), { textContent, dir: "auto" });
const show = (name, value) => (facts.get(name).textContent = value);
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

/** What went wrong, and what to do: in the page, and read out at once. */
function problem(error) {
  const lines = [error.fact ?? error.message, error.remedy ?? "Load the page again; a current browser is needed."];
  at("problem").replaceChildren(...lines.map(paragraph));
  at("problem").hidden = false;
  at("waiting")?.remove();
  console.error(lines.join(" "));
}

start().catch(problem);
