// Starts the page: pages by #, colours, files that come in, samples, and whether the service is ready.

import { prepareKeyDialog, start } from "./api.js";
import { add, complain } from "./cases.js";
import { announce, bytes, el, find, icon } from "./dom.js";
import { prepareHistory, showHistory, showModels } from "./history.js";
import { prepareRecorder } from "./record.js";

const VIEWS = ["check", "history", "models"];
const THEMES = { auto: "as the system has them", light: "light", dark: "dark" };

function route({ first = false } = {}) {
  const wanted = location.hash.slice(1);
  if (wanted === "main" && !first) return; // the skip link leads within the page
  const view = VIEWS.includes(wanted) ? wanted : "check";
  for (const name of VIEWS) {
    find(`view-${name}`).hidden = name !== view;
    const link = document.querySelector(`[data-view="${name}"]`);
    if (name === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = view === "check" ? "Assay" : `${view === "history" ? "History" : "Models"} – Assay`;
  document.querySelectorAll("audio, video").forEach((element) => element.pause());
  if (!first) find(`${view}-title`).focus({ preventScroll: true });
  if (!first) scrollTo(0, 0);
  if (view === "history") showHistory();
  if (view === "models") showModels();
}

function theme() {
  const root = document.documentElement;
  const show = () => {
    const now = root.dataset.theme ?? "auto";
    find("theme").setAttribute("aria-label", `Colours: ${THEMES[now]}`);
    find("theme").title = `Colours: ${THEMES[now]}`;
    find("theme-icon").replaceChildren(icon({ auto: "auto", light: "sun", dark: "moon" }[now]));
    document.dispatchEvent(new Event("assay-theme"));
  };
  find("theme").addEventListener("click", () => {
    const order = Object.keys(THEMES);
    const next = order[(order.indexOf(root.dataset.theme ?? "auto") + 1) % order.length];
    if (next === "auto") delete root.dataset.theme;
    else root.dataset.theme = next;
    try {
      localStorage.setItem("assay-theme", next);
    } catch {
      // it holds for this visit
    }
    show();
    announce(`Colours: ${THEMES[next]}`);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
  show();
}

function files() {
  const drop = find("drop");
  const input = find("files");
  find("choose").addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    add(input.files);
    input.value = "";
  });
  let depth = 0;
  const brings = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  document.addEventListener("dragenter", (event) => {
    if (brings(event) && ++depth) drop.classList.add("over");
  });
  document.addEventListener("dragleave", (event) => {
    if (brings(event) && --depth <= 0) drop.classList.remove("over");
  });
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    depth = 0;
    drop.classList.remove("over");
    const given = [...(event.dataTransfer?.files ?? [])];
    if (given.length) {
      location.hash = "#check";
      add(given);
    }
  });
  find("limits").textContent = `Up to ${bytes(start.max_file_bytes)} a file, ${start.max_files} files at once. Files are removed once they are scored.`;
}

function samples() {
  const item = (sample) =>
    el("li", {}, el("button", { type: "button", class: "sample", onclick: () => take(sample) }, el("span", { class: "sample-icon" }, icon(sample.media, 22)), el("strong", {}, sample.title), el("span", {}, sample.text)));
  find("samples").append(...start.samples.map(item));
}

async function take(sample) {
  try {
    const answer = await fetch(`/page/samples/${sample.file}`);
    if (!answer.ok) throw new Error();
    add([new File([await answer.blob()], sample.file)]);
  } catch {
    complain("The sample does not come. Is the service still running?");
  }
}

async function health() {
  const banner = find("banner");
  const texts = { starting: "The service is starting: models are loaded and give their known answers. Files may be given already.", failed: "A model fails its self-test, so nothing is answered. See the log of the service.", draining: "The service is about to stop." };
  for (;;) {
    let told;
    try {
      told = await (await fetch("/api/health")).json();
    } catch {
      return;
    }
    find("version").textContent = `Assay ${told.version}`;
    const ours = Object.values(texts).includes(banner.textContent);
    if (told.status === "ready") {
      if (ours) banner.hidden = true;
      return;
    }
    banner.textContent = texts[told.status] ?? "";
    banner.hidden = !texts[told.status];
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

prepareKeyDialog();
theme();
files();
samples();
prepareRecorder((file) => add([file]), complain);
prepareHistory();
addEventListener("hashchange", () => route());
route({ first: true });
health();
document.documentElement.dataset.ready = "true"; // for whoever waits until the page can be used
