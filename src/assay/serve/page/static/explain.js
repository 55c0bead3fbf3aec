// What the network reacted to, where the service can tell: /api/explain answers an explanation (docs/explanation.md).
// Nothing is shown where that route is not there.

import { postForm, route } from "./api.js";
import { clock, el, keepDrawn, prepared } from "./dom.js";
import { toggle } from "./sight.js";

const HIGHEST_HZ = 8000; // of the spectrogram of sound.js
const VEIL = 0.82;
const DARK = "4 6 14";
const NEAR_S = 0.2; // a map of a frame holds for about so long

/**
 * The switch, once the service says that it explains; what it shows is fetched when it is first turned on.
 * @param {{file: File, result: object, overlay?: HTMLCanvasElement, soundOverlay?: HTMLCanvasElement, stretches?: object}} view
 */
export function explainSwitch(view) {
  const place = el("div", { class: "explain" });
  route("/api/explain").then((there) => {
    if (!there) return;
    const told = el("div", { class: "explained", role: "status" });
    let asked = null;
    const changed = async (on) => {
      told.hidden = !on;
      if (on && !asked) {
        told.replaceChildren(el("p", { class: "hint" }, "Hiding one place after the other …"));
        asked = ask(view, told);
      }
      await asked;
      for (const canvas of [view.overlay, view.soundOverlay]) {
        if (canvas?.dataset.filled) canvas.hidden = !on;
      }
    };
    place.append(toggle("Show what the network reacted to", false, changed), told);
  });
  return place;
}

async function ask(view, told) {
  const form = new FormData();
  form.append("file", view.file, view.file.name);
  try {
    const explanation = await postForm("/api/explain", form);
    const frames = explanation.saliency.filter((map) => map.kind === "frame");
    for (const map of explanation.saliency.filter((each) => each.kind !== "frame")) lay(map, view);
    if (frames.length) layFrames(frames, view);
    told.replaceChildren(...(frames.length ? [frameButtons(frames, view)] : []), ...explanation.sentences.map((text) => el("p", {}, text)));
  } catch (error) {
    told.replaceChildren(el("p", { class: "error" }, error.message || "No explanation came."));
  }
}

/** A map becomes a veil that is clear where the network reacted; what was not looked at stays veiled. */
function lay(map, { result, overlay, soundOverlay }) {
  const sound = map.kind === "spectrogram";
  const canvas = sound ? (soundOverlay ?? (result.media === "audio" ? overlay : null)) : overlay;
  if (!canvas || canvas.dataset.filled || !map.values.length) return;
  canvas.dataset.filled = "true";
  keepDrawn(canvas, () => paint(canvas, map, result))();
}

function paint(canvas, map, result) {
  const sound = map.kind === "spectrogram";
  const { brush, width, height } = prepared(canvas);
  const x = sound ? (width * map.start_s) / result.duration_s : 0;
  const wide = sound ? (width * (map.end_s - map.start_s)) / result.duration_s : width;
  const top = sound ? height * (1 - Math.min(1, map.high_hz / HIGHEST_HZ)) : 0;
  const tall = sound ? height * (1 - map.low_hz / HIGHEST_HZ) - top : height;
  brush.fillStyle = `rgb(${DARK} / ${VEIL})`;
  brush.fillRect(0, 0, width, height);
  brush.clearRect(x, top, wide, tall);
  brush.imageSmoothingQuality = "high";
  brush.drawImage(veil(map), x, top, wide, tall);
}

/** One pixel a value: the more it speaks for a spoof, the clearer. */
function veil(map) {
  const [rows, columns] = [map.values.length, map.values[0].length];
  const most = Math.max(1e-9, ...map.values.map((row) => Math.max(...row)));
  const image = new ImageData(columns, rows);
  map.values.forEach((row, i) => {
    const line = map.kind === "spectrogram" ? rows - 1 - i : i; // row 0 of a spectrogram is the lowest band
    row.forEach((value, j) => {
      const dark = VEIL * (1 - Math.sqrt(Math.max(0, value) / most));
      image.data.set([...DARK.split(" ").map(Number), Math.round(255 * dark)], 4 * (line * columns + j));
    });
  });
  const small = new OffscreenCanvas(columns, rows);
  small.getContext("2d").putImageData(image, 0, 0);
  return small;
}

/** Maps of single frames of a video: each is there while its frame is. */
function layFrames(frames, { result, overlay, stretches }) {
  const video = stretches.element;
  const nearest = () => frames.find((map) => Math.abs(map.start_s - video.currentTime) < NEAR_S);
  overlay.dataset.filled = "true";
  const draw = keepDrawn(overlay, () => {
    const map = nearest();
    if (map) paint(overlay, map, result);
    else overlay.getContext("2d").clearRect(0, 0, overlay.width, overlay.height);
  });
  const follow = () => {
    draw();
    if (!video.paused && overlay.isConnected) requestAnimationFrame(follow);
  };
  for (const name of ["play", "seeked", "timeupdate"]) video.addEventListener(name, follow);
  stretches.stop();
  video.currentTime = frames[0].start_s;
  draw();
}

function frameButtons(frames, { stretches }) {
  const go = (map) => {
    stretches.stop();
    stretches.element.currentTime = map.start_s;
  };
  return el("div", { class: "row" }, frames.map((map) => el("button", { type: "button", class: "stretch", onclick: () => go(map) }, `Frame at ${clock(map.start_s)}${map.label ? `, ${map.label}` : ""}`)));
}
