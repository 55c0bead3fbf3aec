// Records from the microphone as it is: no noise reduction and no gain control, which would change what is judged.

import { announce, clock, colours, find, prepared } from "./dom.js";
import { wav } from "./signal.js";

const LONGEST_S = 300;
const RAW = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false };

let under = null; // what is being recorded

/** @param {(file: File) => void} taken @param {(text: string) => void} complain */
export function prepareRecorder(taken, complain) {
  const button = find("record");
  if (!navigator.mediaDevices?.getUserMedia || !window.AudioWorkletNode) {
    button.disabled = true;
    button.title = "The browser gives the microphone only to pages over https, or on this machine.";
    return;
  }
  button.addEventListener("click", () => begin(complain).catch((error) => failed(error, complain)));
  find("record-stop").addEventListener("click", () => finish(taken, complain));
  find("record-cancel").addEventListener("click", () => {
    end();
    announce("Recording discarded.");
  });

  async function begin() {
    if (under) return;
    const stream = await navigator.mediaDevices.getUserMedia({ audio: RAW });
    const context = new AudioContext();
    under = { stream, context, pieces: [], samples: 0, level: 0, levels: [] };
    await context.audioWorklet.addModule("/page/recorder-worklet.js");
    const node = new AudioWorkletNode(context, "assay-recorder", { numberOfOutputs: 0 });
    node.port.onmessage = ({ data }) => hear(data);
    context.createMediaStreamSource(stream).connect(node);
    find("recorder").hidden = false;
    button.disabled = true;
    find("record-stop").focus();
    announce("Recording.");
    requestAnimationFrame(show);
  }

  function hear(piece) {
    if (!under) return;
    under.pieces.push(piece);
    under.samples += piece.length;
    for (const sample of piece) under.level = Math.max(under.level, Math.abs(sample));
    if (under.samples >= LONGEST_S * under.context.sampleRate) finish(taken, complain);
  }

  function show() {
    if (!under) return;
    find("record-time").textContent = clock(under.samples / under.context.sampleRate);
    under.levels = [...under.levels.slice(-79), under.level];
    under.level = 0;
    const { brush, width, height } = prepared(find("level"));
    [brush.fillStyle] = colours("accent");
    under.levels.forEach((level, i) => {
      const tall = Math.max(2, Math.sqrt(level) * height);
      brush.fillRect((i * width) / 80, (height - tall) / 2, width / 80 - 1, tall);
    });
    setTimeout(() => requestAnimationFrame(show), 50);
  }
}

function finish(taken, complain) {
  if (!under) return;
  const { pieces, context } = under;
  const rate = context.sampleRate;
  end();
  if (!pieces.length) {
    complain("The microphone gave no sound.");
    return;
  }
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(":", "-").replace("T", "-");
  taken(new File([wav(pieces, rate)], `recording-${stamp}.wav`, { type: "audio/wav" }));
}

function end() {
  under?.stream.getTracks().forEach((track) => track.stop());
  under?.context.close();
  under = null;
  find("recorder").hidden = true;
  find("record").disabled = false;
  find("record").focus();
}

function failed(error, complain) {
  if (under) end();
  const denied = error.name === "NotAllowedError";
  complain(denied ? "The browser was not allowed to use the microphone." : `There is no microphone to record from (${error.name}).`);
}
