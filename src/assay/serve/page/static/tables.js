// What stands beside the verdict: evidence in the file, credentials, measurements, model, the file itself.

import { el, figure, percent, plainName, signed, span } from "./dom.js";

const CLEAR = 0.5; // as assay.report.text: from here on a trace is clear
const HIDDEN = new Set(["left", "top", "width", "height", "target_left", "target_top", "target_width", "target_height"]);

export function section(title, count, ...inside) {
  return el("details", { class: "more" }, el("summary", {}, el("h3", {}, title), count !== null && el("span", { class: "count" }, String(count))), el("div", { class: "inside" }, ...inside));
}

export function facts(rows) {
  return el("dl", { class: "facts" }, rows.filter(([, value]) => value !== null && value !== undefined && value !== "").map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

export function evidence(result) {
  if (!result.evidence.length) return section("Traces in the file", 0, el("p", {}, "Nothing in the file was looked at, or there is nothing to tell."));
  const sorted = [...result.evidence].sort((a, b) => (b.strength ?? -1) - (a.strength ?? -1));
  const clear = sorted.filter((one) => (one.strength ?? 0) >= CLEAR);
  const others = sorted.filter((one) => !clear.includes(one));
  const made = section(
    "Traces in the file",
    clear.length ? `${clear.length} clear` : "none clear",
    el("p", { class: "hint" }, "They stand beside the score and never enter it. Their absence proves nothing."),
    clear.length ? el("ul", { class: "traces" }, clear.map(trace)) : null,
    others.length ? el("details", { class: "others", open: !clear.length }, el("summary", {}, clear.length ? `What else was looked at (${others.length})` : "What was looked at"), el("ul", { class: "traces" }, others.map(trace))) : null,
  );
  if (clear.length) made.open = true;
  return made;
}

function trace(one) {
  const measured = Object.entries(one.measured).filter(([name, value]) => value !== null && !HIDDEN.has(name));
  const place = ["left", "top", "width", "height"].map((side) => one.measured[`target_${side}`] ?? one.measured[side]);
  if (place.every((value) => typeof value === "number")) measured.push(["place", `${place[2]} × ${place[3]} pixels at ${place[0]}, ${place[1]}`]);
  const strength = one.strength === null ? null : meter(one.strength, `strength ${Math.round(100 * one.strength)} of 100`);
  return el(
    "li",
    { class: (one.strength ?? 0) >= CLEAR ? "trace clear" : "trace" },
    el("div", { class: "trace-head" }, el("strong", {}, plainName(one.name)), strength),
    el("p", {}, one.text),
    measured.length ? facts(measured.map(([name, value]) => [plainName(name), typeof value === "boolean" ? (value ? "yes" : "no") : figure(value)])) : null,
  );
}

function meter(share, label) {
  const made = el("span", { class: "meter", role: "img", "aria-label": label }, el("span"));
  made.firstChild.style.width = `${100 * share}%`;
  return made;
}

const STATES = { absent: "none in the file", valid: "valid, signer not vouched for", trusted: "valid, signer trusted", invalid: "not valid", unreadable: "cannot be read" };

export function provenance(result) {
  const told = result.provenance;
  if (!told) return null;
  const made = section(
    "Content Credentials",
    STATES[told.state] ?? told.state,
    el("ul", {}, told.findings.map((text) => el("li", {}, text))),
    facts([
      ["Declares a trained model", told.declares_ai ? "yes" : told.present ? "no" : null],
      ["Made with", told.claim_generator],
      ["Title", told.title],
      ["Signer", told.signer && [told.signer.common_name, told.signer.organisation, told.signer.issuer && `issued by ${told.signer.issuer}`].filter(Boolean).join(", ")],
      ["Signed at", told.signer?.signed_at],
      ["Kept at", told.remote_url],
    ]),
    told.actions.length ? el("ul", {}, told.actions.map((action) => el("li", {}, [action.name, action.software, action.when, action.source_type].filter(Boolean).join(" · ")))) : null,
    told.failures.length ? el("ul", {}, told.failures.map((failure) => el("li", {}, failure.words))) : null,
  );
  if (told.present) made.open = true;
  return made;
}

export function findings(result) {
  if (!result.findings.length) return null;
  const row = (one) => el("tr", {}, el("th", { scope: "row" }, plainName(one.name)), el("td", { class: "figures" }, one.value === null ? "–" : `${figure(one.value)}${one.unit === "1" ? "" : ` ${one.unit}`}`), el("td", {}, one.text));
  const head = ["Property", "Value", "What was measured"].map((text) => el("th", { scope: "col" }, text));
  return section("What was measured", result.findings.length, el("table", { class: "facts stacked" }, el("thead", {}, el("tr", {}, head)), el("tbody", {}, result.findings.map(row))));
}

export function leftOut(result) {
  if (!result.not_analysed.length) return null;
  const item = (one) => el("li", {}, one.text, one.start_s !== null && one.end_s !== null ? el("span", { class: "figures hint" }, ` ${span(one.start_s, one.end_s)}`) : null);
  return section("Not analysed", result.not_analysed.length, el("ul", {}, result.not_analysed.map(item)));
}

/** @param {Promise<Array>} cards what the service says of its models */
export function model(result, cards) {
  const point = result.operating_point;
  const card = el("div");
  const made = section(
    "Model and setting",
    result.model ? `${result.model.name} ${result.model.version}` : null,
    card,
    facts([
      ["Score (log-likelihood ratio)", result.llr === null ? null : signed(result.llr)],
      ["No sign of synthesis up to", point && signed(point.bona_fide_below_llr)],
      ["Synthetic from", point && signed(point.threshold_llr)],
      ["Meant to flag at most", point && `${Number((100 * point.max_false_alarm).toPrecision(3))} % of bona fide files${point.extrapolated ? ", which is more than the development data could check" : ""}`],
      ["Probability before looking", point && percent(point.prior)],
      ["Computed by", result.model?.provider],
      ["Weight, SHA-256", result.model && el("code", {}, result.model.sha256)],
    ]),
  );
  if (result.model) cards.then((all) => fill(card, all.find((one) => one.name === result.model.name))).catch(() => {});
  return made;
}

function fill(place, card) {
  if (card) place.append(el("p", {}, card.summary), el("p", { class: "hint" }, `Licence of the weight: ${card.licence_weights}`));
}

/** @param {string} at when it was looked at */
export function fileTable(result, at) {
  return section(
    "The file",
    null,
    facts([
      ["Name", el("bdi", {}, result.path)],
      ["SHA-256", el("code", {}, result.sha256)],
      ["Kind", `${result.container}, ${result.codec}`],
      ["Time taken", `${Math.round(result.timings_ms.total)} ms`],
      ["Looked at", at],
    ]),
  );
}
