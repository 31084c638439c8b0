// Requests to the server that this page came from, and what it answers when it refuses.

export class Refused extends Error {
  constructor(message, status, field) {
    super(message);
    this.status = status;
    this.field = field;
  }
}

const SILENT = "The server does not answer; is iem app still running?";

export async function request(path, { method = "GET", json, body, headers = {} } = {}) {
  const options = { method, headers: { ...headers }, credentials: "same-origin", cache: "no-store" };
  if (json !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(json);
  } else if (body !== undefined) {
    options.headers["Content-Type"] = "application/octet-stream";
    options.body = body;
  }
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Refused(SILENT, 0);
  }
  const isJson = (response.headers.get("Content-Type") ?? "").includes("json");
  const answer = isJson ? await response.json().catch(() => null) : null;
  if (!response.ok) throw refusal(response.status, answer);
  return answer;
}

// fetch tells nothing of how far an upload is.
export function upload(path, file, onProgress) {
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest();
    sending.open("POST", path);
    sending.responseType = "json";
    sending.setRequestHeader("Content-Type", "application/octet-stream");
    sending.setRequestHeader("X-File-Name", encodeURIComponent(wellFormed(file.name || "photo")));
    sending.upload.addEventListener("progress", (event) => onProgress(event.loaded, event.total));
    sending.addEventListener("error", () => reject(new Refused(SILENT, 0)));
    sending.addEventListener("load", () => {
      if (sending.status >= 200 && sending.status < 300) resolve(sending.response);
      else reject(refusal(sending.status, sending.response));
    });
    sending.send(file);
  });
}

// Half a surrogate pair, which names of files may hold, cannot be sent.
function wellFormed(name) {
  return Array.from(name, (letter) => (/^[\ud800-\udfff]$/.test(letter) ? "_" : letter)).join("");
}

function refusal(status, answer) {
  const said = typeof answer?.error === "string" ? answer.error : "";
  return new Refused(said || `The server refused this (${status}); try again.`, status, answer?.field);
}

export function sessionPath(id, rest = "") {
  return `/api/sessions/${encodeURIComponent(id)}${rest}`;
}
