// What the network reacted to, where the service can tell: /api/explain answers an explanation (docs/explanation.md).
// Nothing is shown where that route is not there.

import { postForm, route } from "./api.js";
import { el, keepDrawn, percent, prepared, span } from "./dom.js";
import { toggle } from "./sight.js";

const HIGHEST_HZ = 8000; // of the spectrogram of sound.js
const VEIL = 0.82;

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
    for (const map of explanation.saliency) lay(map, view);
    told.replaceChildren(...words(explanation));
  } catch (error) {
    told.replaceChildren(el("p", { class: "error" }, error.message || "No explanation came."));
  }
}

function words(explanation) {
  const test = explanation.faithfulness;
  return [
    ...explanation.sentences.map((text) => el("p", {}, text)),
    explanation.ranges.length ? el("p", { class: "hint figures" }, `Stretches: ${explanation.ranges.map((one) => span(one.start_s, one.end_s)).join(", ")}`) : null,
    test && el("p", { class: "hint" }, `Tested by hiding the ${percent(test.share)} that are marked: the score goes from ${test.llr.toFixed(2)} to ${test.marked.toFixed(2)}; hiding as much at random gives ${test.random.toFixed(2)}.`),
  ].filter(Boolean);
}

/** A map becomes a veil that is clear where the network reacted. */
function lay(map, { result, overlay, soundOverlay, stretches }) {
  const sound = map.kind === "spectrogram";
  const canvas = sound ? (soundOverlay ?? (result.media === "audio" ? overlay : null)) : overlay;
  if (!canvas || canvas.dataset.filled || !map.values.length) return;
  canvas.dataset.filled = "true";
  const [rows, columns] = [map.values.length, map.values[0].length];
  const most = Math.max(1e-9, ...map.values.map((row) => Math.max(...row)));
  const image = new ImageData(columns, rows);
  map.values.forEach((row, i) => {
    const line = sound ? rows - 1 - i : i; // row 0 of a spectrogram is the lowest band
    row.forEach((value, j) => image.data.set([4, 6, 14, Math.round(255 * VEIL * (1 - Math.max(0, value) / most))], 4 * (line * columns + j)));
  });
  const small = new OffscreenCanvas(columns, rows);
  small.getContext("2d").putImageData(image, 0, 0);
  const draw = () => {
    const { brush, width, height } = prepared(canvas);
    const x = sound ? (width * map.start_s) / result.duration_s : 0;
    const wide = sound ? (width * (map.end_s - map.start_s)) / result.duration_s : width;
    const top = sound ? height * (1 - Math.min(1, map.high_hz / HIGHEST_HZ)) : 0;
    const tall = sound ? height * (1 - map.low_hz / HIGHEST_HZ) - top : height;
    brush.imageSmoothingQuality = "high";
    brush.drawImage(small, x, top, wide, tall);
  };
  keepDrawn(canvas, draw)();
  if (map.kind === "frame" && stretches) {
    stretches.stop();
    stretches.element.currentTime = map.start_s;
  }
}

