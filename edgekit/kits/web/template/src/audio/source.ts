/** The samples of what a page calls a sound. */

import { KitError } from "../error.js";
import type { Clip } from "./prepare.js";

/** Samples in [-1, 1]: of one channel, or of each channel its own. */
export interface RawAudio {
  readonly samples: Float32Array | readonly Float32Array[];
  /** Samples a second. */
  readonly sampleRate: number;
}

/** What a model takes: samples, or what the browser decoded. */
export type AudioSource = RawAudio | AudioBuffer;

/** @throws KitError its channels are not of one length. */
export function clipOf(audio: AudioSource): Clip {
  const channels = "getChannelData" in audio
    ? Array.from({ length: audio.numberOfChannels }, (_, i) => audio.getChannelData(i))
    : audio.samples instanceof Float32Array ? [audio.samples] : audio.samples;
  const frames = channels[0]?.length ?? 0;
  if (channels.some(({ length }) => length !== frames)) {
    throw new KitError("The channels are not of one length.", "Give as many samples of each channel.");
  }
  return {
    frames,
    rate: audio.sampleRate,
    mono: (frame) => channels.reduce((sum, channel) => sum + (channel[frame] as number), 0) / channels.length,
  };
}
