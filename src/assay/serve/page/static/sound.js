// A recording as people see it: waveform and spectrogram with the timeline laid over; a click plays that stretch.

import { bytes, clock, colours, el, icon, keepDrawn, percent, prepared, span } from "./dom.js";
import { LONGEST_S, RATE, decoded, peaks, spectrogram } from "./signal.js";

const COLUMNS = 900;
const ROWS = 128;
const MOST_BUTTONS = 40;
// Dark to light through blue, purple and orange: order shows in grey, too, and to the colour-blind.
const HEAT = [[8, 8, 30], [47, 17, 99], [114, 31, 129], [183, 55, 121], [241, 96, 93], [254, 159, 109], [252, 236, 174]];

/** A player for a file; `media` is "audio" or "video". */
export function player(file, media) {
  const address = URL.createObjectURL(file);
  return { made: el(media, { src: address, controls: true, preload: "metadata", playsinline: true, "aria-label": `Play ${file.name}` }), address };
}

/** Plays stretches and stops at their end. */
export class Stretches {
  constructor(element) {
    this.element = element;
    this.until = Infinity;
    element.addEventListener("timeupdate", () => {
      if (element.currentTime >= this.until) this.stop();
    });
    element.addEventListener("pause", () => (this.until = Infinity));
  }

  stop() {
    this.until = Infinity;
    this.element.pause();
  }

  play(start, end = Infinity) {
    this.element.currentTime = start;
    this.until = end;
    this.element.play().catch(() => {}); // a browser that cannot play says so in its own controls
  }
}

/** Where two stretches of the same score would be drawn: left and width in per cent of the duration. */
export function placed(made, start, end, duration) {
  made.style.left = `${(100 * start) / duration}%`;
  made.style.width = `${Math.max(0.4, (100 * (end - start)) / duration)}%`;
  return made;
}

export function tint(made, probability) {
  made.style.setProperty("--p", String(Math.round(100 * (probability ?? 0.5))));
  return made;
}

/**
 * The view.
 * @returns {{made: HTMLElement, overlay: HTMLCanvasElement}} overlay lies on the spectrogram, for what an explanation shows
 */
export function soundView(result, file, stretches, title) {
  const duration = result.duration_s;
  const wave = el("canvas", { class: "wave", role: "img", "aria-label": summary(result) });
  const heat = el("canvas", { class: "heat", role: "img", "aria-label": "Spectrogram: frequencies from 0 to 8 kHz over time." });
  const overlay = el("canvas", { class: "heat overlay", "aria-hidden": "true", hidden: true });
  const head = el("div", { class: "head", "aria-hidden": "true" });
  const readout = el("output", { class: "readout figures", "aria-hidden": "true" });
  const under = el("div", { class: "heat-frame" }, heat, overlay, el("span", { class: "mark-top", "aria-hidden": "true" }, "8 kHz"), el("span", { class: "mark-bottom", "aria-hidden": "true" }, "0"));
  const over = el("div", { class: "wave-frame" }, wave, el("span", { class: "mark-top", "aria-hidden": "true" }, "100 %"), el("span", { class: "mark-bottom", "aria-hidden": "true" }, "0 %"));
  const plot = el("div", { class: "plot" }, over, under, head);
  const note = el("p", { class: "hint" }, "Reading the sound …");
  const sound = { peaks: null, levels: null };
  const draw = keepDrawn(wave, () => {
    drawWave(wave, result, sound.peaks);
    drawHeat(heat, result, sound.levels);
  });
  if (duration > LONGEST_S) {
    note.textContent = "Too long to draw its waveform here; the line is the timeline.";
    under.hidden = true;
  } else {
    read(file, sound).then(
      () => note.remove(),
      () => {
        note.textContent = "This browser cannot decode the file, so its waveform is not drawn. The answer does not depend on that.";
        under.hidden = true;
      },
    ).finally(draw);
  }
  const at = (event) => (Math.max(0, Math.min(1, (event.clientX - plot.getBoundingClientRect().left) / plot.clientWidth))) * duration;
  plot.addEventListener("pointermove", (event) => (readout.textContent = told(result, at(event))));
  plot.addEventListener("pointerleave", () => (readout.textContent = ""));
  plot.addEventListener("click", (event) => {
    const second = at(event);
    const hit = result.segments.find((one) => one.start_s <= second && second <= one.end_s);
    if (hit) stretches.play(hit.start_s, hit.end_s);
    else stretches.play(second);
  });
  const element = stretches.element;
  const follow = () => {
    head.style.transform = `translateX(${(plot.clientWidth * Math.min(element.currentTime, duration)) / duration}px)`;
    if (!element.paused && plot.isConnected) requestAnimationFrame(follow);
  };
  for (const name of ["play", "timeupdate", "seeked"]) element.addEventListener(name, follow);
  const made = el(
    "figure",
    { class: "sound" },
    el("figcaption", {}, el("span", {}, title), readout),
    plot,
    axis(duration),
    lanes(result, duration, stretches),
    note,
    legend(result),
    segmentList(result, stretches),
  );
  return { made, overlay };
}

async function read(file, sound) {
  const samples = await decoded(file);
  sound.peaks = peaks(samples, COLUMNS);
  sound.levels = spectrogram(samples, COLUMNS, ROWS);
}

function summary(result) {
  const marked = result.segments.filter((one) => one.suspicious);
  const parts = marked.map((one) => span(one.start_s, one.end_s)).join(", ");
  return `Waveform of ${clock(result.duration_s)} with the probability of synthesis over time. ${parts ? `Marked: ${parts}.` : "No stretch is marked."}`;
}

function told(result, second) {
  for (const line of result.timeline) {
    const probability = line.spoof_probability[Math.floor((second - line.start_s) / line.step_s)];
    if (probability !== undefined) return `${clock(second)} · ${probability === null ? "not scored" : percent(probability)}`;
  }
  return clock(second);
}

function axis(duration) {
  const steps = [0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200];
  const step = steps.find((one) => duration / one <= 9) ?? duration / 8;
  const made = el("div", { class: "axis figures", "aria-hidden": "true" });
  for (let second = 0; second < duration - step / 3; second += step) {
    const mark = el("span", {}, step < 1 ? second.toFixed(1) : clock(second));
    mark.style.left = `${(100 * second) / duration}%`;
    made.append(mark);
  }
  return made;
}

/** The scored stretches as buttons below the picture, one row for each channel. */
function lanes(result, duration, stretches) {
  const channels = [...new Set(result.segments.map((one) => one.channel))];
  return channels.map((channel) => {
    const own = result.segments.filter((one) => one.channel === channel);
    const shown = own.length <= MOST_BUTTONS ? own : own.filter((one) => one.suspicious);
    const lane = el("div", { class: "lane", "aria-hidden": "true" });
    for (const one of shown) {
      const bar = el("span", { class: one.suspicious ? "bar marked" : "bar", title: `${span(one.start_s, one.end_s)}: ${percent(one.spoof_probability)}`, onclick: () => stretches.play(one.start_s, one.end_s) }, percent(one.spoof_probability));
      lane.append(tint(placed(bar, one.start_s, one.end_s, duration), one.spoof_probability));
    }
    for (const gap of result.not_analysed.filter((each) => each.start_s !== null && each.end_s !== null)) {
      lane.append(placed(el("span", { class: "bar gap", title: gap.text }), gap.start_s, Math.min(gap.end_s, duration), duration));
    }
    return channels.length > 1 ? el("div", { class: "laned" }, el("span", { class: "lane-name" }, `Channel ${channel}`), lane) : lane;
  });
}

function legend(result) {
  const marked = result.segments.some((one) => one.suspicious);
  return el(
    "p",
    { class: "legend" },
    result.timeline.some((line) => line.spoof_probability.some((one) => one !== null)) && el("span", { class: "key line" }, "probability of synthesis"),
    marked && el("span", { class: "key marked" }, "stands out"),
    el("span", { class: "hint" }, "Click in the picture to hear that stretch."),
  );
}

function segmentList(result, stretches) {
  if (!result.segments.length) return null;
  const marked = result.segments.filter((one) => one.suspicious);
  const others = result.segments.filter((one) => !one.suspicious);
  const button = (one) =>
    el(
      "li",
      {},
      el(
        "button",
        { type: "button", class: one.suspicious ? "stretch marked" : "stretch", onclick: () => stretches.play(one.start_s, one.end_s) },
        icon("play", 14),
        el("span", { class: "visually-hidden" }, "Play "),
        el("span", { class: "figures" }, span(one.start_s, one.end_s)),
        one.channel === null ? null : ` channel ${one.channel}`,
        el("strong", { class: "figures" }, percent(one.spoof_probability)),
        one.suspicious && el("em", {}, "stands out"),
      ),
    );
  return el(
    "div",
    { class: "stretches" },
    marked.length ? el("ul", { "aria-label": "Stretches that stand out" }, marked.map(button)) : null,
    others.length
      ? el("details", {}, el("summary", {}, marked.length ? `The other ${others.length} stretches` : `Every stretch that was scored (${others.length})`), el("ul", { "aria-label": "Stretches that were scored" }, others.map(button)))
      : null,
  );
}

function drawWave(canvas, result, found) {
  const { brush, width, height } = prepared(canvas);
  const [wave, line, spoof, grid, soft] = colours("wave", "accent", "spoof", "rule", "spoof-soft");
  const x = (second) => (width * second) / result.duration_s;
  for (const one of result.segments.filter((each) => each.suspicious)) {
    brush.fillStyle = soft;
    brush.fillRect(x(one.start_s), 0, x(one.end_s) - x(one.start_s), height);
    brush.fillStyle = spoof;
    brush.fillRect(x(one.start_s), 0, x(one.end_s) - x(one.start_s), 3);
  }
  brush.strokeStyle = grid;
  brush.setLineDash([2, 4]);
  brush.beginPath();
  brush.moveTo(0, height / 2);
  brush.lineTo(width, height / 2);
  brush.stroke();
  brush.setLineDash([]);
  if (found) {
    brush.fillStyle = wave;
    const columns = found.length / 2;
    const middle = height / 2;
    for (let i = 0; i < columns; i++) {
      const [low, high] = [found[2 * i], found[2 * i + 1]];
      brush.fillRect((i * width) / columns, middle - high * middle * 0.94, width / columns + 0.4, Math.max(1, (high - low) * middle * 0.94));
    }
  }
  for (const each of result.timeline) {
    curve(brush, each, x, height);
    brush.lineWidth = 4;
    [brush.strokeStyle] = colours("ground");
    brush.stroke();
    brush.lineWidth = 2;
    brush.strokeStyle = line;
    brush.stroke();
  }
}

function curve(brush, line, x, height) {
  brush.lineJoin = "round";
  brush.beginPath();
  let down = false;
  line.spoof_probability.forEach((probability, i) => {
    if (probability === null) {
      down = false;
      return;
    }
    const [at, y] = [x(line.start_s + (i + 0.5) * line.step_s), 3 + (height - 6) * (1 - probability)];
    if (down) brush.lineTo(at, y);
    else brush.moveTo(at, y);
    down = true;
  });
}

function drawHeat(canvas, result, levels) {
  const { brush, width, height } = prepared(canvas);
  brush.fillStyle = `rgb(${HEAT[0]})`;
  brush.fillRect(0, 0, width, height);
  if (levels) {
    const image = new ImageData(COLUMNS, ROWS);
    levels.forEach((level, i) => image.data.set([...warm(level), 255], 4 * i));
    const small = new OffscreenCanvas(COLUMNS, ROWS);
    small.getContext("2d").putImageData(image, 0, 0);
    brush.drawImage(small, 0, 0, width, height);
  }
  brush.strokeStyle = "#fff";
  brush.lineWidth = 1.5;
  for (const one of result.segments.filter((each) => each.suspicious)) {
    const [from, to] = [(width * one.start_s) / result.duration_s, (width * one.end_s) / result.duration_s];
    brush.strokeRect(from, 1, to - from, height - 2);
  }
}

function warm(level) {
  const place = Math.min(level, 0.9999) * (HEAT.length - 1);
  const [low, part] = [Math.floor(place), place % 1];
  return HEAT[low].map((value, i) => Math.round(value + part * (HEAT[low + 1][i] - value)));
}

/** What the file is, in a line. */
export function soundFacts(result, file) {
  return [
    result.duration_s === null ? null : clock(result.duration_s),
    `${result.container} ${result.codec === result.container ? "" : result.codec}`.trim(),
    result.sample_rate_hz ? `${result.sample_rate_hz / 1000} kHz` : null,
    result.width ? `${result.width} × ${result.height}` : null,
    file ? bytes(file.size) : null,
  ].filter(Boolean);
}

export { RATE };
