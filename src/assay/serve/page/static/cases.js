// The files of this visit: each is sent, scored and shown; two at a time, the rest wait here.

import { Cancelled, Refusal, predict, predictLater, start } from "./api.js";
import { announce, bytes, capital, el, find, icon } from "./dom.js";
import { show } from "./result.js";

const AT_ONCE = 2;
const WAIT_MS = 1500;
const cases = [];
let chosen = null;

/** Control characters, and marks that turn the direction of text, spelt out. */
export const printable = (text) => text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (c) => `\\u${c.codePointAt(0).toString(16).padStart(4, "0")}`);

/** Take files in; they are scored as soon as there is room. */
export function add(files, { stability = find("stability").checked } = {}) {
  const taken = [...files].slice(0, start.max_files);
  if (files.length > taken.length) complain(`${files.length} files at once are too many; the first ${taken.length} are taken.`);
  for (const file of taken) {
    const one = { file, name: printable(file.name), stability, state: "waiting", share: 0, result: null, error: null, later: false, made: el("li"), asked: new AbortController() };
    if (file.size > start.max_file_bytes) fail(one, `The file has ${bytes(file.size)}, and this service accepts ${bytes(start.max_file_bytes)}.`, "limit_exceeded");
    else if (file.size === 0) fail(one, "The file is empty.", "empty");
    cases.unshift(one);
    find("cases").prepend(one.made);
    draw(one);
  }
  find("work").hidden = !cases.length;
  if (taken.length) choose(cases[0]);
  find("work").scrollIntoView({ block: "start", behavior: calm() ? "auto" : "smooth" });
  pump();
}

export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** Say aloud, and in the banner, what went wrong outside of a file. */
export function complain(text) {
  const banner = find("banner");
  banner.textContent = text;
  banner.hidden = false;
  clearTimeout(complain.timer);
  complain.timer = setTimeout(() => (banner.hidden = true), 12_000);
}

export function again(one, changes) {
  Object.assign(one, { state: "waiting", share: 0, error: null, asked: new AbortController() }, changes);
  draw(one);
  choose(one);
  pump();
}

function pump() {
  const under = cases.filter((one) => ["sending", "scoring", "busy"].includes(one.state)).length;
  const next = cases.findLast((one) => one.state === "waiting");
  if (!next || under >= AT_ONCE) return;
  next.state = "sending";
  score(next).finally(() => {
    draw(next);
    pump();
  });
  pump();
}

async function score(one) {
  const fields = one.stability ? { stability: "true" } : {};
  one.began = performance.now();
  const told = {
    signal: one.asked.signal,
    progress: (share) => {
      one.share = share;
      one.state = share < 1 ? "sending" : "scoring";
      draw(one);
    },
  };
  draw(one);
  try {
    for (;;) {
      try {
        one.result = await (one.later ? predictLater : predict)(one.file, fields, told);
        break;
      } catch (error) {
        // starting, or busy: the service says so before it looks at the file
        if (!(error instanceof Refusal) || error.status !== 503 || performance.now() - one.began > 120_000) throw error;
        one.state = "busy";
        draw(one);
        await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
        if (one.asked.signal.aborted) throw new Cancelled();
      }
    }
    one.state = "done";
    one.at = new Date();
    announce(`${one.name}: ${start.verdicts[one.result.verdict]}`);
  } catch (error) {
    if (error instanceof Cancelled) one.state = "cancelled";
    else if (error instanceof Refusal) fail(one, error.message, error.code, error.requestId);
    else throw error;
  }
}

function fail(one, message, code, requestId = "") {
  Object.assign(one, { state: "failed", error: { message, code, requestId } });
  announce(`${one.name} could not be analysed: ${message}`);
}

function choose(one) {
  chosen = one;
  cases.forEach(mark);
  show(one, actions(one));
}

const actions = (one) => ({
  again: () => again(one, {}),
  steady: () => again(one, { stability: true }),
  later: () => again(one, { later: true }),
});

function words(one) {
  switch (one.state) {
    case "waiting": return "waits";
    case "busy": return "the service is busy, waiting";
    case "sending": return `sending, ${Math.round(100 * one.share)} %`;
    case "scoring": return one.stability ? "looking at it, in several deliveries" : "looking at it";
    case "cancelled": return "cancelled";
    case "failed": return "could not be analysed";
    default: return start.verdicts[one.result.verdict];
  }
}

const running = (one) => ["waiting", "busy", "sending", "scoring"].includes(one.state);

function draw(one) {
  const state = one.state === "done" ? one.result.verdict : one.state;
  const button = el(
    "button",
    { type: "button", class: `case ${state}`, onclick: () => { choose(one); find("result").focus({ preventScroll: true }); find("result").scrollIntoView({ block: "start", behavior: calm() ? "auto" : "smooth" }); } },
    running(one) ? el("span", { class: "spinner", "aria-hidden": "true" }) : icon(state === "cancelled" ? "failed" : state, 22),
    el("bdi", { class: "name" }, one.name),
    el("span", { class: "state" }, capital(words(one))),
  );
  const bar = running(one) && el("progress", { max: "1", value: one.state === "sending" ? String(one.share) : undefined, "aria-label": `Progress of ${one.name}` });
  const stop = running(one) && el("button", { type: "button", class: "quiet small", onclick: () => { if (one.state === "waiting") one.state = "cancelled"; one.asked.abort(); draw(one); } }, "Cancel", el("span", { class: "visually-hidden" }, ` ${one.name}`));
  const focused = one.made.contains(document.activeElement);
  one.made.replaceChildren(...[button, bar, stop].filter(Boolean));
  if (focused) button.focus({ preventScroll: true });
  mark(one);
  if (one === chosen) show(one, actions(one));
}

function mark(one) {
  one.made.firstChild?.setAttribute("aria-current", String(one === chosen));
}
