/** The page: choose, drop or record a sound, see the model's answer, how long it took, and measure the device. */
import { AudioClassifier, readWav } from "../js/index.js";
import { keepForOffline } from "./offline.js";
import { asking, at, offerSamples, openKit, problem, ready, showFacts, takeFiles } from "./page.js";
import { record } from "./record.js";
import { runtime } from "./runtime.js";
import { wavFile } from "./wav-file.js";

const [button, player] = ["record", "player"].map(at);
const NEEDED_LATER = ["", "demo/recorder-worklet.js", "demo/bench-worker.js"]; // and the page itself

async function start() {
  const kit = await openKit();
  const model = await AudioClassifier.load({ onnxruntime: await runtime() });
  const { milliseconds, offline } = showFacts(kit, model);
  const ask = asking(model, milliseconds, show);
  takeFiles((file) => ask(file.name, () => decoded(file, kit.audio.sampling_rate)));
  await offerSamples(["clip", "clips"], ({ audio }, name) => ask(name, async () => audio));
  offerRecording(model.seconds, (sound) => ask("Recording", async () => sound));
  ready("Choose or record a sound above.");
  offline.textContent = await keepForOffline(kit, NEEDED_LATER).catch(({ message }) => `no: ${message}`);
}

/** WAV files as they are; of other kinds the browser decodes and resamples, by a filter of its own. */
async function decoded(file, rate) {
  const bytes = await file.arrayBuffer();
  if (new TextDecoder("latin1").decode(bytes.slice(0, 4)) === "RIFF") return { ...readWav(bytes), file };
  try {
    return Object.assign(await new OfflineAudioContext(1, 1, rate).decodeAudioData(bytes), { file });
  } catch (cause) {
    throw Object.assign(new Error(`${file.name} can't be read as a sound.`), {
      remedy: "Choose a WAV file, or another kind that this browser plays.", cause,
    });
  }
}

/** One button begins and ends it; it ends by itself after what the model hears. */
function offerRecording(seconds, take) {
  const idle = `Record ${Number(seconds.toFixed(2))} seconds`;
  let ending;
  const tell = (label, spoken) => {
    button.textContent = label;
    button.classList.toggle("recording", label !== idle);
    if (spoken) at("spoken").textContent = spoken;
  };
  tell(idle);
  button.addEventListener("click", async () => {
    if (ending) return ending.abort();
    ending = new AbortController();
    try {
      const sound = await record(seconds, ending.signal, () => tell("Stop", "Recording."));
      if (sound.samples.length) await take(sound);
    } catch (error) {
      problem(error);
    } finally {
      ending = undefined;
      tell(idle);
    }
  });
}

function show(sound, name) {
  URL.revokeObjectURL(player.src);
  Object.assign(player, { src: URL.createObjectURL(sound.file ?? wavFile(sound)), hidden: false, ariaLabel: name });
}

start().catch(problem);
