// What was answered before: search, look closer, appeal, override.

import { Cancelled, get, start } from "./api.js";
import { bytes, capital, el, find, icon, moment, percent, signed } from "./dom.js";
import { facts } from "./tables.js";
import { chip, review } from "./review.js";

const PAGE = 25;
let next = null;
let query = "";

export function prepareHistory() {
  const form = find("search");
  form.elements.verdict.append(...Object.entries(start.verdicts).map(([value, text]) => el("option", { value }, capital(text))));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    showHistory();
  });
  find("more").addEventListener("click", () => fetchPage());
  find("entry").addEventListener("click", (event) => {
    if (event.target === find("entry")) find("entry").close(); // the ground beside it
  });
}

/** Search anew. */
export function showHistory() {
  const given = new FormData(find("search"));
  const asked = new URLSearchParams({ limit: String(PAGE) });
  for (const name of ["label", "verdict", "media"]) {
    if (given.get(name)) asked.set(name, given.get(name));
  }
  if (given.get("since")) asked.set("since", day(given.get("since"), 0));
  if (given.get("until")) asked.set("until", day(given.get("until"), 1));
  query = asked.toString();
  next = null;
  find("history-list").replaceChildren();
  return fetchPage();
}

/** Midnight here, so many days later, as the service reads it. */
function day(text, later) {
  const [year, month, date] = text.split("-").map(Number);
  return new Date(year, month - 1, date + later).toISOString();
}

async function fetchPage() {
  const state = find("history-state");
  state.textContent = "Asking …";
  try {
    const page = await get(`/api/history?${query}${next ? `&before=${next}` : ""}`);
    find("history-list").append(...page.items.map(row));
    next = page.next;
    const shown = find("history-list").childElementCount;
    state.textContent = shown ? `${shown} shown${next ? ", there are older ones" : ""}` : "Nothing was found.";
  } catch (error) {
    state.textContent = error instanceof Cancelled ? "No key was given." : error.message;
    next = null;
  }
  find("more").hidden = next === null;
}

function row(entry) {
  const made = el("li");
  const fill = (now) => {
    const overridden = now.standing !== now.verdict;
    made.replaceChildren(
      el(
        "button",
        { type: "button", class: "entry", onclick: () => look(now, fill) },
        icon(now.media, 20),
        el("bdi", { class: "name" }, now.label),
        chip(now.standing),
        el("span", { class: "note hint" }, overridden ? "decided by a person" : now.appeal_open ? "appeal open" : ""),
        el("span", { class: "share figures hint" }, percent(now.spoof_probability)),
        el("time", { datetime: now.at, class: "figures hint" }, moment(now.at)),
      ),
    );
  };
  fill(entry);
  return made;
}

function look(entry, changed) {
  const dialog = find("entry");
  dialog.replaceChildren(
    el(
      "div",
      { class: "dialog-head" },
      el("h2", { id: "entry-title" }, el("bdi", {}, entry.label)),
      el("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, "Close"),
    ),
    review(entry, changed),
    el("h3", {}, "What was recorded"),
    facts([
      ["When", moment(entry.at)],
      ["Probability of synthesis", percent(entry.spoof_probability)],
      ["Score (log-likelihood ratio)", entry.llr === null ? null : signed(entry.llr)],
      ["Model", `${entry.model} ${entry.model_version}`],
      ["SHA-256", el("code", {}, entry.sha256)],
      ["Belongs to", entry.owner],
      ["Job", entry.job],
    ]),
  );
  dialog.showModal();
}

/** What is offered, once the page asks for it. */
export async function showModels() {
  const list = find("models-list");
  if (list.childElementCount) return;
  try {
    const { models } = await get("/api/models");
    const card = (one) =>
      el(
        "li",
        { class: one.in_use ? "model used" : "model" },
        el("h2", {}, one.name, " ", el("span", { class: "hint" }, one.version), one.in_use && el("span", { class: "chip waiting" }, "Answers here")),
        el("p", {}, one.summary),
        facts([["Kind", one.kind], ["Size", bytes(one.size_bytes)], ["Licence of the weight", one.licence_weights], ["SHA-256", el("code", {}, one.sha256)]]),
      );
    list.append(...[...models].sort((a, b) => b.in_use - a.in_use).map(card));
  } catch (error) {
    list.replaceChildren(el("li", { class: "error" }, error.message || "No key was given."));
  }
}
