// Building the page: every text goes in as a text node, never as markup, whatever a file or a server says.

const SVG = "http://www.w3.org/2000/svg";

const ICONS = {
  bona_fide: "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20m-4.5 10.2 3 3 6-6.4",
  spoof: "M8 2h8l6 6v8l-6 6H8l-6-6V8zM12 7v6m0 3.2v.6",
  mixed: "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zm0 0v20M12 6h6M12 10h9M12 14h9M12 18h6",
  inconclusive: "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20M9 9.3a3 3 0 1 1 4.2 2.7c-.8.4-1.2 1-1.2 1.9m0 3v.4",
  failed: "M12 3 2 20h20zM12 9.5v5m0 2.6v.4",
  sun: "M12 7a5 5 0 1 0 0 10 5 5 0 0 0 0-10M12 1.5v2m0 17v2M1.5 12h2m17 0h2M4.6 4.6 6 6m12 12 1.4 1.4M19.4 4.6 18 6M6 18l-1.4 1.4",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z",
  auto: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zm0 0v18M12 7h4.5M12 11h8M12 15h7",
  audio: "M3 12h2m3-5v10m4-14v18m4-13v8m4-5v2",
  image: "M3 5h18v14H3zm0 11 5-5 4 4 3-3 6 6M15.5 9.2v.2",
  video: "M2.5 6h13v12h-13zm13 4.5 6-3.5v10l-6-3.5",
  play: "M7 4.5v15l12-7.5z",
  down: "M12 4v12m0 0-5-5m5 5 5-5M5 20h14",
};

/** An element with properties, listeners (`onclick`), attributes and children; null and false children are left out. */
export function el(tag, given = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "class") made.className = value;
    else if (name === "data") Object.assign(made.dataset, value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

export function icon(name, size = 20) {
  const drawn = document.createElementNS(SVG, "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 24 24", width: size, height: size, class: "icon", "aria-hidden": "true" })) {
    drawn.setAttribute(key, value);
  }
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name] ?? ICONS.inconclusive);
  drawn.append(path);
  return drawn;
}

export const find = (id) => document.getElementById(id);

/** Say something to people who listen instead of look. */
export function announce(text) {
  find("announce").textContent = text;
}

export function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Seconds as m:ss, or h:mm:ss. */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, String(whole % 60).padStart(2, "0")];
  return h ? `${h}:${String(m).padStart(2, "0")}:${s}` : `${m}:${s}`;
}

/** A stretch, rounded outwards so that it covers what it names; as assay.report.text does. */
export const span = (start, end) => `${clock(Math.floor(start))}–${clock(Math.ceil(end))}`;

/** A probability for people: never 0 % or 100 %, which nothing measured could support; as assay.report.text does. */
export function percent(probability) {
  if (probability === null || probability === undefined) return "–";
  if (probability < 0.001) return "under 0.1\u00a0%";
  if (probability > 0.999) return "over 99.9\u00a0%";
  return `${(100 * probability).toFixed(probability >= 0.01 && probability <= 0.985 ? 0 : 1)}\u00a0%`;
}

export function bytes(number) {
  const units = ["bytes", "KiB", "MiB", "GiB"];
  let unit = 0;
  let value = number;
  while (value >= 1024 && unit < units.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${unit && value < 10 ? value.toFixed(1) : Math.round(value)}\u00a0${units[unit]}`;
}

/** A number as short as it can be. */
export function figure(value) {
  if (typeof value !== "number") return String(value);
  return Number.isInteger(value) ? value.toLocaleString("en-GB") : String(Number(value.toPrecision(4)));
}

/** With its sign, in two decimals; no minus before nothing. */
export function signed(value) {
  if (value === null) return "–";
  const told = Math.abs(value).toFixed(2);
  return `${value < 0 && Number(told) ? "−" : "+"}${told}`;
}

const SHORT = /\b(snr|jpeg|exif|c2pa|id3)\b/gi;

/** A name for programs, for people: words, abbreviations in capitals. */
export const plainName = (name) => capital(String(name).replaceAll("_", " ").replace(SHORT, (word) => word.toUpperCase()));

export function moment(iso) {
  const at = new Date(iso);
  return Number.isNaN(at.getTime()) ? String(iso) : at.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
}

/** The colours that the style sheet has now, for canvases. */
export function colours(...names) {
  const style = getComputedStyle(document.documentElement);
  return names.map((name) => style.getPropertyValue(`--${name}`).trim());
}

/** Have a canvas as many pixels as the screen shows of it; returns its context in CSS pixels, and its size. */
export function prepared(canvas) {
  const scale = Math.min(window.devicePixelRatio || 1, 2);
  const [width, height] = [Math.max(1, canvas.clientWidth), Math.max(1, canvas.clientHeight)];
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const brush = canvas.getContext("2d");
  brush.setTransform(scale, 0, 0, scale, 0, 0);
  return { brush, width, height };
}

/** Draw now, and again when the size or the colours change, for as long as the canvas is on the page. */
export function keepDrawn(canvas, draw) {
  let asked = false;
  const later = () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      if (canvas.isConnected) draw();
    });
  };
  new ResizeObserver(later).observe(canvas);
  document.addEventListener("assay-theme", function themed() {
    if (canvas.isConnected) later();
    else document.removeEventListener("assay-theme", themed);
  });
  return later;
}
