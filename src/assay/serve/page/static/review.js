// A verdict is questioned: appeals and overrides, which stand beside what the machine said.

import { get, post, start } from "./api.js";
import { announce, capital, el, icon, moment } from "./dom.js";

/** For a result on the page: its entry in the history, found by the digest. */
export function questioned(result) {
  const inside = el("div", { class: "inside" });
  const made = el("details", { class: "more" }, el("summary", {}, el("h3", {}, "Question this answer"), el("span", { class: "count" }, "appeal, override")), inside);
  made.addEventListener("toggle", async () => {
    if (!made.open || inside.childElementCount) return;
    try {
      const { items } = await get(`/api/history?sha256=${result.sha256}&limit=1`);
      inside.replaceChildren(items.length ? review(items[0]) : el("p", {}, "This service keeps no history, so there is nothing to appeal against."));
    } catch (error) {
      inside.replaceChildren(el("p", { class: "error" }, error.message));
    }
  });
  return made;
}

/** What was said about an entry, and the forms to say more. `changed` gets the entry as it is then. */
export function review(entry, changed = () => {}) {
  const made = el("div", { class: "review" });
  const show = (now) => {
    made.replaceChildren(said(now), appealForm(now, done), overrideForm(now, done));
  };
  const done = (now, text) => {
    show(now);
    changed(now);
    announce(text);
    const line = made.querySelector(".done");
    line.textContent = text;
    line.focus();
  };
  show(entry);
  return made;
}

export function chip(verdict, text = start.verdicts[verdict]) {
  return el("span", { class: `chip ${verdict}` }, icon(verdict, 15), capital(text));
}

function said(entry) {
  const item = (one) =>
    el(
      "li",
      {},
      el("p", {}, el("strong", {}, one.kind === "appeal" ? "Appeal" : "Override"), ` by ${one.by_name}, ${moment(one.at)}`, one.verdict && [" ", chip(one.verdict)]),
      el("p", { class: "said" }, one.reason),
    );
  return el(
    "div",
    {},
    el("p", { class: "done", role: "status", tabindex: "-1" }),
    el("p", {}, "The machine said ", chip(entry.verdict), entry.standing !== entry.verdict && [" and a person decided ", chip(entry.standing)], entry.appeal_open && [" ", el("span", { class: "chip waiting" }, "Appeal open")]),
    entry.reviews.length ? el("ol", { class: "reviews" }, entry.reviews.map(item)) : el("p", { class: "hint" }, "Nobody has questioned it."),
  );
}

function reason(id, text) {
  return [el("label", { for: id }, text), el("textarea", { id, name: "reason", required: true, maxlength: "2000", rows: "3" })];
}

let number = 0;

function appealForm(entry, done) {
  const id = `appeal-${++number}`;
  return form("Appeal", "Say that the answer is wrong, and why. It waits for a person with the right to decide.", "Send the appeal", reason(id, "Why it is wrong"), async (given) => {
    done(await post(`/api/history/${entry.id}/appeal`, { reason: given.get("reason") }), "Your appeal is recorded.");
  });
}

function overrideForm(entry, done) {
  const id = `override-${++number}`;
  const waiting = entry.reviews.filter((one) => one.kind === "appeal" && !entry.reviews.some((other) => other.answers === one.id));
  const choices = Object.entries(start.verdicts).map(([verdict, text]) => el("option", { value: verdict }, capital(text)));
  const fields = [
    el("label", { for: `${id}-verdict` }, "Your verdict"),
    el("select", { id: `${id}-verdict`, name: "verdict" }, choices),
    ...reason(id, "Reason"),
    waiting.length ? el("p", { class: "hint" }, `It answers the appeal of ${waiting.at(-1).by_name}.`) : null,
  ];
  return form("Override", "Put a person's verdict beside that of the machine, which stays visible.", "Record the verdict", fields, async (given) => {
    const body = { verdict: given.get("verdict"), reason: given.get("reason") };
    if (waiting.length) body.answers = waiting.at(-1).id;
    done(await post(`/api/history/${entry.id}/override`, body), "Your verdict is recorded.");
  });
}

function form(title, text, action, fields, send) {
  const wrong = el("p", { class: "error", role: "alert", hidden: true });
  const button = el("button", { class: "secondary" }, action);
  const made = el("form", {}, fields, wrong, button);
  made.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    wrong.hidden = true;
    try {
      await send(new FormData(made));
    } catch (error) {
      wrong.textContent = error.message || "Nothing was sent.";
      wrong.hidden = false;
    } finally {
      button.disabled = false;
    }
  });
  return el("details", { class: "act" }, el("summary", {}, title), el("p", { class: "hint" }, text), made);
}
