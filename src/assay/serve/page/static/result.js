// One result: the verdict in words, how sure, why, where; then what stands beside it.

import { get, post, start } from "./api.js";
import { capital, clock, el, find, icon, moment, percent, signed } from "./dom.js";
import { downloads } from "./downloads.js";
import { explainSwitch } from "./explain.js";
import { chip, questioned } from "./review.js";
import { pictureView, videoView } from "./sight.js";
import { Stretches, player, soundFacts, soundView } from "./sound.js";
import * as tables from "./tables.js";

let cards = null;
let shown = null;

/** Show a case as it is now: a result once, what goes on meanwhile as often as it changes. */
export function show(one, actions) {
  const place = find("result");
  if (shown?.one === one && shown.state === one.state && shown.result === one.result) return;
  place.querySelectorAll("audio, video").forEach((element) => element.pause());
  shown = { one, state: one.state, result: one.result };
  place.className = `result ${one.state === "done" ? one.result.verdict : one.state}`;
  place.tabIndex = -1;
  place.setAttribute("aria-label", `${one.name}`);
  if (one.state === "done") {
    one.view = one.view?.result === one.result ? one.view : { result: one.result, parts: whole(one, actions) };
    place.replaceChildren(...one.view.parts);
  } else if (one.state === "failed") place.replaceChildren(...failed(one, actions));
  else place.replaceChildren(waiting(one));
}

function waiting(one) {
  const texts = { cancelled: "Cancelled. Nothing was recorded.", sending: "Sending the file …", waiting: "Waits for its turn …", busy: "The service is busy or starting; it is asked again …" };
  const text = texts[one.state] ?? (one.stability ? "Looking at the file, and at what becomes of it when it is sent on …" : "Looking at the file …");
  return el("div", { class: "pending" }, one.state !== "cancelled" && el("span", { class: "spinner large", "aria-hidden": "true" }), el("h2", {}, el("bdi", {}, one.name)), el("p", {}, text));
}

function failed(one, actions) {
  const slow = one.error.code === "timed_out";
  return [
    el("div", { class: "verdict" }, el("div", { class: "badge" }, icon("failed", 34)), el("div", {}, el("p", { class: "file" }, el("bdi", {}, one.name)), el("h2", {}, "Could not be analysed"))),
    el("p", { class: "words" }, one.error.message),
    el("p", { class: "hint" }, `Code ${one.error.code}${one.error.requestId ? `, request ${one.error.requestId}` : ""}`),
    el("div", { class: "row" }, slow && el("button", { type: "button", class: "primary", onclick: actions.later }, "Score it in the background"), el("button", { type: "button", class: "secondary", onclick: actions.again }, "Try again")),
  ];
}

function whole(one, actions) {
  const { result, file } = one;
  cards ??= get("/api/models").then((told) => told.models);
  const text = el("p", { class: "words", dir: "auto" }, result.reasons.map((reason) => reason.text).join(" "));
  post("/api/describe", result).then((told) => (text.textContent = told.text.replaceAll(" %", "\u00a0%")), () => {}); // the reasons stay
  return [
    el(
      "div",
      { class: "verdict" },
      el("div", { class: "badge" }, icon(result.verdict, 40)),
      el("div", {}, el("p", { class: "file" }, el("bdi", {}, one.name)), el("h2", {}, capital(start.verdicts[result.verdict])), el("p", { class: "hint figures" }, soundFacts(result, file).join(" · "))),
    ),
    gauge(result),
    text,
    downloads(result, file),
    el("section", { class: "where" }, el("h3", {}, "Where"), ...where(result, file)),
    stability(result, actions),
    tables.evidence(result),
    tables.provenance(result),
    tables.findings(result),
    tables.leftOut(result),
    tables.model(result, cards),
    tables.fileTable(result, moment(one.at.toISOString())),
    questioned(result),
  ].filter(Boolean);
}

function where(result, file) {
  if (result.media === "image") {
    const view = pictureView(result, file);
    return [view.made, explainSwitch({ ...view, file, result })];
  }
  if (result.media === "video") {
    const view = videoView(result, file);
    return [view.made, explainSwitch({ ...view, file, result })];
  }
  const { made: audio } = player(file, "audio");
  const stretches = new Stretches(audio);
  const view = soundView(result, file, stretches, `${clock(result.duration_s)} of sound`);
  return [view.made, audio, explainSwitch({ overlay: view.overlay, file, result, stretches })];
}

/** The probability between what the model calls no sign and what it calls synthetic. */
function gauge(result) {
  const probability = result.spoof_probability;
  if (probability === null) return null;
  const point = result.operating_point;
  const posterior = (llr) => 1 / (1 + Math.exp(-(llr + Math.log(point.prior / (1 - point.prior)))));
  const [low, high] = point ? [posterior(point.bona_fide_below_llr), posterior(point.threshold_llr)] : [0.5, 0.5];
  const at = (made, from, to = null) => {
    made.style.left = `${100 * from}%`;
    if (to !== null) made.style.width = `${100 * (to - from)}%`;
    return made;
  };
  const bar = el("div", { class: "scale" });
  if (point) {
    bar.append(at(el("span", { class: "zone bona_fide" }), 0, low), at(el("span", { class: "zone inconclusive" }), low, high), at(el("span", { class: "zone spoof" }), high, 1));
  }
  if (result.interval) bar.append(at(el("span", { class: "interval" }), ...result.interval));
  bar.append(at(el("span", { class: "marker" }), probability));
  const bounds = result.interval ? `, 90 % interval ${result.interval.map(percent).join(" to ")}` : "";
  const limits = point ? `; no sign of synthesis up to ${percent(low)}, synthetic from ${percent(high)}` : "";
  return el(
    "figure",
    { class: "gauge", role: "img", "aria-label": `Probability of synthesis ${percent(probability)}${bounds}${limits}` },
    el("p", { class: "gauge-head", "aria-hidden": "true" }, el("span", {}, "Probability of synthesis"), el("strong", { class: "figures" }, percent(probability)), result.interval && el("span", { class: "hint figures" }, `90 % interval ${result.interval.map(percent).join(" to ")}`), result.verdict === "inconclusive" && el("span", { class: "chip inconclusive" }, "not a verdict")),
    bar,
    point && el("div", { class: "scale-names", "aria-hidden": "true" }, at(el("span", {}, "no sign"), 0, low), at(el("span", {}, "cannot tell"), low, high), at(el("span", {}, "synthetic"), high, 1)),
  );
}

function stability(result, actions) {
  const told = result.stability;
  if (!told) {
    const why = result.not_analysed.find((one) => one.code === "no_stability");
    return el(
      "section",
      { class: "steady" },
      el("h3", {}, "Does it hold?"),
      why ? el("p", {}, capital(why.text)) : el("div", { class: "row between" }, el("p", { class: "hint" }, "The file can be scored again as it would arrive elsewhere: encoded anew, shrunk, cut."), el("button", { type: "button", class: "secondary", onclick: actions.steady }, "Check whether it holds")),
    );
  }
  const turned = told.verdict !== result.verdict;
  const row = (one) => el("tr", {}, el("th", { scope: "row" }, one.delivery), el("td", {}, chip(one.verdict)), el("td", { class: "figures" }, percent(one.spoof_probability)), el("td", { class: "figures" }, signed(one.llr)));
  const head = ["Delivered as", "Answer", "Probability", "Score"].map((text) => el("th", { scope: "col" }, text));
  return el(
    "section",
    { class: "steady" },
    el("h3", {}, "Does it hold?"),
    el("p", {}, turned ? ["No. As it came the answer was ", chip(told.verdict), "; another delivery turned it round, so it was taken back."] : ["As it came: ", chip(told.verdict)], told.llr_spread === null ? null : el("span", { class: "hint figures" }, ` Scores differ by up to ${told.llr_spread.toFixed(2)}.`)),
    el("div", { class: "wide", role: "region", "aria-label": "Other deliveries", tabindex: "0" }, el("table", { class: "facts" }, el("thead", {}, el("tr", {}, head)), el("tbody", {}, told.deliveries.map(row)))),
  );
}
