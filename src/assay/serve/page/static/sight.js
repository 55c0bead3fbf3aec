// Pictures and videos with the faces that were found, and what each was given.

import { clock, el, icon, percent, plainName, signed, span } from "./dom.js";
import { Stretches, placed, player, soundView, tint } from "./sound.js";

const CLEAR = 0.5; // as assay.report.text: from here on a trace is clear
const NEAR_S = 0.2; // a face stands where its box is for about so long

/** @returns {{made: HTMLElement, overlay: HTMLCanvasElement}} */
export function pictureView(result, file) {
  const address = URL.createObjectURL(file);
  const overlay = el("canvas", { class: "overlay", "aria-hidden": "true", hidden: true });
  const boxes = el("div", { class: "boxes", "aria-hidden": "true" });
  const pieces = el("div", { class: "boxes", "aria-hidden": "true", hidden: true });
  const frame = el("div", { class: "frame" });
  const image = el("img", { src: address, alt: `The picture, with ${faceCount(result.faces.length)} marked` });
  image.addEventListener("error", () => image.replaceWith(el("p", { class: "unseen" }, "This browser cannot show this kind of picture. The answer does not depend on that.")));
  frame.style.aspectRatio = `${result.width} / ${result.height}`;
  frame.style.setProperty("--ratio", String(result.width / result.height));
  frame.append(image, overlay, pieces, boxes);
  result.faces.forEach((face, i) => boxes.append(box(face.box, result, face.spoof_probability, `${i + 1}`)));
  result.pieces.forEach((piece) => pieces.append(box(piece.box, result, piece.spoof_probability, "")));
  const traces = el("div", { class: "boxes", "aria-hidden": "true" }, result.evidence.filter((one) => (one.strength ?? 0) >= CLEAR).flatMap((one) => places(one, result)));
  frame.append(traces);
  const switches = el("div", { class: "row" });
  if (result.faces.length) switches.append(toggle("Faces", true, (on) => (boxes.hidden = !on)));
  if (result.pieces.length) switches.append(toggle("Parts that were looked at", false, (on) => (pieces.hidden = !on)));
  if (traces.childElementCount) switches.append(toggle("Traces", true, (on) => (traces.hidden = !on)));
  const made = el("figure", { class: "sight" }, frame, switches, faceList(result.faces));
  return { made, overlay };
}

/** Where a trace lies, if it has a place; a copy has two. */
function places(one, { width, height }) {
  return ["", "source_", "target_"]
    .map((which) => ["left", "top", "width", "height"].map((side) => one.measured[which + side]))
    .filter((place) => place.every((value) => typeof value === "number"))
    .map(([left, top, wide, tall]) => {
      const made = box([left, top, left + wide, top + tall], { width, height }, 0, "");
      made.classList.add("place");
      made.firstChild.textContent = plainName(one.name);
      return made;
    });
}

const faceCount = (number) => (number === 0 ? "no face" : number === 1 ? "one face" : `${number} faces`);

export function toggle(text, on, changed) {
  const input = el("input", { type: "checkbox", role: "switch", onchange: () => changed(input.checked) });
  input.checked = on;
  return el("label", { class: "switch small" }, input, el("span", { class: "track", "aria-hidden": "true" }), el("span", {}, text));
}

function box([left, top, right, bottom], { width, height }, probability, number) {
  const made = el("div", { class: "box" }, el("span", { class: "figures" }, [number && `${number} · `, probability === null ? "not scored" : percent(probability)].filter(Boolean).join("")));
  made.style.left = `${(100 * left) / width}%`;
  made.style.top = `${(100 * top) / height}%`;
  made.style.width = `${(100 * (right - left)) / width}%`;
  made.style.height = `${(100 * (bottom - top)) / height}%`;
  if (top < 0.08 * height) made.classList.add("below");
  return tint(made, probability);
}

function faceList(faces) {
  if (!faces.length) return el("p", { class: "hint" }, "No face was found.");
  const rows = faces.map((face, i) =>
    el("tr", {}, el("th", { scope: "row" }, `Face ${i + 1}`), el("td", { class: "figures" }, face.spoof_probability === null ? "not scored: too small, or too near to the edge" : percent(face.spoof_probability)), el("td", { class: "figures" }, percent(face.score))),
  );
  return el("table", { class: "facts" }, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Face"), el("th", { scope: "col" }, "Probability of synthesis"), el("th", { scope: "col" }, "Sure that it is a face"))), el("tbody", {}, rows));
}

/** @returns {{made: HTMLElement, overlay: HTMLCanvasElement, soundOverlay: HTMLCanvasElement | null, stretches: Stretches}} */
export function videoView(result, file) {
  const { made: video } = player(file, "video");
  const stretches = new Stretches(video);
  const overlay = el("canvas", { class: "overlay", "aria-hidden": "true", hidden: true });
  const boxes = el("div", { class: "boxes", "aria-hidden": "true" });
  const frame = el("div", { class: "frame" }, video, overlay, boxes);
  frame.style.aspectRatio = `${result.width} / ${result.height}`;
  frame.style.setProperty("--ratio", String(result.width / result.height));
  const shown = result.faces.map((face) => ({ face, made: box(face.box, result, face.spoof_probability, `${face.track_id ?? ""}`) }));
  boxes.append(...shown.map((one) => one.made));
  const place = () => {
    for (const one of shown) one.made.hidden = one.face.box_s === null || Math.abs(video.currentTime - one.face.box_s) > NEAR_S;
    if (!video.paused && frame.isConnected) requestAnimationFrame(place);
  };
  for (const name of ["play", "timeupdate", "seeked", "loadedmetadata"]) video.addEventListener(name, place);
  place();
  video.addEventListener("loadeddata", () => {
    const first = result.faces[0]?.box_s;
    if (first === undefined || first === null || video.currentTime > 0) return;
    video.currentTime = first; // a face to look at; the first play begins at the beginning all the same
    video.addEventListener("play", () => {
      if (stretches.until === Infinity && video.currentTime === first) video.currentTime = 0;
    }, { once: true });
  }, { once: true });
  const made = el("figure", { class: "sight" }, frame, persons(result, stretches), parts(result));
  let soundOverlay = null;
  if (result.segments.length) {
    const sound = soundView(result, file, stretches, "Sound track");
    made.append(sound.made);
    soundOverlay = sound.overlay;
  }
  return { made, overlay, soundOverlay, stretches };
}

function persons(result, stretches) {
  if (!result.persons.length) return el("p", { class: "hint" }, "No face was followed.");
  const lane = (person) => {
    const bars = el("div", { class: "lane" });
    bars.append(placed(el("span", { class: "bar seen", "aria-hidden": "true" }), person.start_s, person.end_s, result.duration_s));
    for (const one of person.stretches.filter((each) => each.suspicious)) {
      bars.append(tint(placed(el("span", { class: "bar marked", "aria-hidden": "true" }, percent(one.spoof_probability)), one.start_s, one.end_s, result.duration_s), one.spoof_probability));
    }
    for (const one of person.speaking) bars.append(placed(el("span", { class: "bar speaking", title: `speaks ${span(one.start_s, one.end_s)}` }), one.start_s, one.end_s, result.duration_s));
    return bars;
  };
  const item = (person) => {
    const face = result.faces.find((one) => one.track_id === person.id);
    return el(
      "li",
      { class: "person" },
      el(
        "div",
        { class: "person-head" },
        el("strong", {}, `Person ${person.id}`),
        el("span", { class: "figures" }, person.spoof_probability === null ? "not scored" : percent(person.spoof_probability)),
        el("span", { class: "hint" }, `seen ${span(person.start_s, person.end_s)}${person.voice ? ", speaks" : ""}`),
        face && face.box_s !== null && el("button", { type: "button", class: "stretch", onclick: () => { stretches.stop(); stretches.element.currentTime = face.box_s; } }, `Show the face (${clock(face.box_s)})`),
        el("button", { type: "button", class: "stretch", onclick: () => stretches.play(person.start_s, person.end_s) }, icon("play", 14), `Play ${span(person.start_s, person.end_s)}`),
      ),
      lane(person),
      ...person.stretches.filter((each) => each.suspicious).map((one) => el("button", { type: "button", class: "stretch marked", onclick: () => stretches.play(one.start_s, one.end_s) }, icon("play", 14), el("span", { class: "figures" }, span(one.start_s, one.end_s)), el("strong", { class: "figures" }, percent(one.spoof_probability)), el("em", {}, "stands out"))),
      person.agreement
        ? el("p", { class: "hint" }, `Lips and sound: correlation ${person.agreement.strength.toFixed(2)} at a shift of ${signed(person.agreement.offset_s)} s, chance ${person.agreement.p.toFixed(3)}.`)
        : person.no_agreement && el("p", { class: "hint" }, `Lips and sound were not compared: ${person.no_agreement}`),
    );
  };
  return el("section", { class: "persons" }, el("h4", {}, "Persons in it"), el("ul", {}, result.persons.map(item)));
}

const PARTS = { image: "Whole frames", video: "Faces over time", audio: "Sound" };

function parts(result) {
  if (!result.fusion) return null;
  const rows = result.fusion.parts.map((part) =>
    el("tr", {}, el("th", { scope: "row" }, PARTS[part.name]), el("td", { class: "figures" }, signed(part.llr)), el("td", { class: "figures" }, signed(part.bona_fide_below_llr)), el("td", { class: "figures" }, signed(part.threshold_llr)), el("td", { class: "figures" }, signed(part.moved)), el("td", {}, part.stands_out ? "yes" : "no")),
  );
  const head = ["Part", "Score", "No sign up to", "Synthetic from", "Moved the answer by", "Stands out"].map((text) => el("th", { scope: "col" }, text));
  return el("div", { class: "wide", role: "region", "aria-label": "Scores of the parts", tabindex: "0" }, el("table", { class: "facts" }, el("thead", {}, el("tr", {}, head)), el("tbody", {}, rows)));
}
