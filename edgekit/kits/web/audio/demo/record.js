/** Sound from the microphone as it is: what browsers do for telephony would change it. */
const AS_IT_IS = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
const REFUSED = {
  NotAllowedError: ["The microphone is not allowed.", "Allow it for this page in the browser, or choose a file."],
  NotFoundError: ["There is no microphone.", "Connect one, or choose a file."],
  NotReadableError: ["The microphone can't be read.", "Close what else uses it, or choose a file."],
};

/**
 * Records until `seconds` are over or `signal` ends it: `{ samples, sampleRate }`, at the rate of the device.
 *
 * @param begun is called when the first sound has come.
 */
export async function record(seconds, signal, begun) {
  const stream = await microphone();
  const context = new AudioContext();
  try {
    await context.audioWorklet.addModule(new URL("recorder-worklet.js", import.meta.url));
    await context.resume();
    // Of several channels it makes the average.
    const recorder = new AudioWorkletNode(context, "recorder", {
      numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit",
    });
    context.createMediaStreamSource(stream).connect(recorder);
    return { samples: await heard(recorder.port, seconds * context.sampleRate, signal, begun), sampleRate: context.sampleRate };
  } finally {
    for (const track of stream.getTracks()) track.stop();
    await context.close();
  }
}

async function microphone() {
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: AS_IT_IS });
  } catch (cause) {
    const [fact, remedy] = !navigator.mediaDevices
      ? ["This page can't use a microphone.", "Open it on localhost or over https, or choose a file."]
      : REFUSED[cause.name] ?? [`The microphone can't be used (${cause.message}).`, "Choose a file."];
    throw Object.assign(new Error(fact), { remedy, cause });
  }
}

/** At most as many samples as are asked for. */
function heard(port, wanted, signal, begun) {
  const blocks = [];
  let count = 0;
  return new Promise((resolve) => {
    const end = () => {
      port.onmessage = null;
      const samples = new Float32Array(count);
      blocks.reduce((at, block) => (samples.set(block, at), at + block.length), 0);
      resolve(samples.subarray(0, Math.ceil(wanted)));
    };
    port.onmessage = ({ data }) => {
      if (!count) begun();
      blocks.push(data);
      count += data.length;
      if (count >= wanted) end();
    };
    signal.addEventListener("abort", end);
  });
}
