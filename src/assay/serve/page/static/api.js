// Everything that is asked of the service, with the key where one is needed. The key lives in this tab alone.

import { find } from "./dom.js";

const KEPT = "assay-key";
let key = read();
let document_ = null;

function read() {
  try {
    return sessionStorage.getItem(KEPT) ?? "";
  } catch {
    return ""; // storage may be switched off: the key is held in memory then
  }
}

function keep(text) {
  key = text;
  try {
    if (text) sessionStorage.setItem(KEPT, text);
    else sessionStorage.removeItem(KEPT);
  } catch {
    // in memory only
  }
}

/** What the service refused: its code, its words, and the status of the answer. */
export class Refusal extends Error {
  constructor(status, told) {
    super(told?.message ?? (status ? `The service answered ${status}.` : "The service does not answer. Is it still running?"));
    this.status = status;
    this.code = told?.code ?? (status ? `http_${status}` : "unreachable");
    this.requestId = told?.request_id ?? "";
  }
}

export class Cancelled extends Error {}

export const start = await fetch("/page/start.json").then((answer) => answer.json());

export const hasKey = () => key !== "";

/** Ask for a key until one is given; throws `Cancelled` when it is not. */
export function askForKey(why = "") {
  const dialog = find("key-dialog");
  const wrong = find("key-wrong");
  wrong.textContent = why;
  wrong.hidden = !why;
  find("key").value = "";
  if (!dialog.open) dialog.showModal();
  find("key").focus();
  return new Promise((resolve, reject) => {
    const done = () => {
      const text = find("key").value.trim();
      find("key").value = "";
      if (dialog.returnValue === "given" && text) {
        keep(text);
        document_ = null;
        resolve();
      } else {
        reject(new Cancelled());
      }
    };
    dialog.addEventListener("close", done, { once: true });
  });
}

export function prepareKeyDialog() {
  const dialog = find("key-dialog");
  find("key-button").hidden = !start.key_required;
  find("key-button").addEventListener("click", () => askForKey().catch(() => {}));
  find("key-close").addEventListener("click", () => dialog.close("cancelled"));
  find("key-forget").addEventListener("click", () => {
    keep("");
    dialog.close("forgotten");
  });
  find("key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    dialog.close("given");
  });
  dialog.addEventListener("cancel", () => (dialog.returnValue = "cancelled"));
}

const headers = () => (key ? { Authorization: `Bearer ${key}` } : {});

/** Run a request; where the service refuses the key, ask for another and run it again. */
async function withKey(run) {
  if (start.key_required && !key) await askForKey();
  for (;;) {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof Refusal) || error.status !== 401) throw error;
      keep("");
      await askForKey(error.message);
    }
  }
}

async function answered(path, options) {
  let answer;
  try {
    answer = await fetch(path, { ...options, headers: { ...headers(), ...options.headers }, credentials: "omit" });
  } catch (error) {
    if (error.name === "AbortError") throw new Cancelled();
    throw new Refusal(0);
  }
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => null);
  throw new Refusal(answer.status, told?.error);
}

export const get = (path) => withKey(async () => (await answered(path, {})).json());

export const post = (path, body) =>
  withKey(async () => {
    const told = { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
    return (await answered(path, told)).json();
  });

/** A form whose answer is a file, or JSON. */
export const postForm = (path, form, as = "json") =>
  withKey(async () => (await answered(path, { method: "POST", body: form }))[as]());

/**
 * Send a file and wait for its result.
 * @param {File} file
 * @param {Record<string, string>} fields of the form
 * @param {{progress: (share: number) => void, signal: AbortSignal}} told share in [0, 1] of what was sent
 */
export const predict = (file, fields, told) => withKey(() => sent("/api/predict/multimodal", file, fields, told));

function sent(path, file, fields, { progress, signal }) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("file", file, file.name);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch tells nothing about how much was sent
    request.open("POST", path);
    for (const [name, value] of Object.entries(headers())) request.setRequestHeader(name, value);
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => progress(event.lengthComputable ? event.loaded / event.total : 0));
    request.upload.addEventListener("load", () => progress(1));
    request.addEventListener("load", () => {
      if (request.status === 200 && request.response) resolve(request.response);
      else reject(new Refusal(request.status, request.response?.error));
    });
    request.addEventListener("error", () => reject(new Refusal(0)));
    request.addEventListener("abort", () => reject(new Cancelled()));
    signal.addEventListener("abort", () => request.abort());
    if (signal.aborted) reject(new Cancelled());
    else request.send(form);
  });
}

/** Hand a file in as a job and wait for its result, however long that takes. */
export async function predictLater(file, fields, { progress, signal }) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("file", file, file.name);
  let job = await postForm("/api/jobs", form);
  progress(1);
  while (job.state === "queued" || job.state === "running") {
    await new Promise((resolve) => setTimeout(resolve, 1500));
    if (signal.aborted) {
      await withKey(() => answered(`/api/jobs/${job.id}`, { method: "DELETE" })).catch(() => {});
      throw new Cancelled();
    }
    job = await get(`/api/jobs/${job.id}`);
  }
  return get(`/api/jobs/${job.id}/result`);
}

/**
 * What the service says of a route in its description, or null if it has none: rooms that are not installed are not
 * offered.
 * @returns {Promise<{fields: Record<string, object>} | null>} fields of its form, by name
 */
export async function route(path) {
  try {
    document_ ??= await get("/api/openapi.json");
  } catch {
    return null;
  }
  const operation = document_.paths?.[path]?.post;
  if (!operation) return null;
  let schema = operation.requestBody?.content?.["multipart/form-data"]?.schema ?? {};
  if (schema.$ref) schema = document_.components?.schemas?.[schema.$ref.split("/").pop()] ?? {};
  return { fields: schema.properties ?? {} };
}
