// What can be taken away: the result as JSON, and a report where the service makes one (/api/report).

import { postForm, route } from "./api.js";
import { el, icon } from "./dom.js";

export function downloads(result, file) {
  const state = el("p", { class: "hint", role: "status" });
  const made = el("div", { class: "row" }, button("Result (JSON)", () => save(new Blob([JSON.stringify(result, null, 2)], { type: "application/json" }), `${stem(result)}.json`)));
  route("/api/report").then((there) => {
    if (!there) return;
    for (const format of there.fields.format?.enum ?? ["pdf", "html"]) {
      made.append(button(`Report (${format.toUpperCase()})`, () => report(there, format, result, file, state)));
    }
  });
  return el("div", { class: "downloads" }, made, state);
}

const button = (text, onclick) => el("button", { type: "button", class: "secondary", onclick }, icon("down", 16), text);

async function report(there, format, result, file, state) {
  const form = new FormData();
  const given = { format, explain: "true", stability: String(result.stability !== null) };
  for (const [name, value] of Object.entries(given)) {
    if (name in there.fields) form.append(name, value);
  }
  form.append("file", file, file.name);
  state.textContent = "Writing the report …";
  try {
    save(await postForm("/api/report", form, "blob"), `${stem(result)}.${format}`);
    state.textContent = "";
  } catch (error) {
    state.textContent = error.message;
  }
}

/** A name for what is saved: letters and digits of the file's own. */
const stem = (result) => `assay-${result.path.replace(/\.[^.]*$/, "").replace(/[^\p{L}\p{N}_-]+/gu, "-").slice(0, 60) || "result"}`;

function save(blob, name) {
  const address = URL.createObjectURL(blob);
  const link = el("a", { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
