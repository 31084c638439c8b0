// Photos and projects on their way in: dropped, pasted or chosen.

import { upload } from "./api.js";
import { announce, find, megabytes, tell } from "./controls.js";

export class Opening {
  #busy = false;

  constructor({ opened }) {
    this.opened = opened;
    this.limits = null;
    for (const id of ["file", "project"]) {
      find(id).addEventListener("change", () => {
        const [file] = find(id).files;
        find(id).value = "";
        if (file) this.open(file);
      });
    }
    window.addEventListener("paste", (event) => {
      const file = [...(event.clipboardData?.files ?? [])][0];
      if (!file) return;
      event.preventDefault();
      this.open(file);
    });
    this.#watchDrops();
  }

  async open(file) {
    if (this.#busy) return;
    this.#busy = true;
    tell("start-problem");
    if (document.body.dataset.view !== "start") tell("notices", "Reading the photo.");
    find("uploading").hidden = false;
    try {
      const { session } = await this.#send(file);
      await this.opened(session);
    } catch (problem) {
      tell(document.body.dataset.view === "start" ? "start-problem" : "notices", problem.message);
    } finally {
      find("uploading").hidden = true;
      this.#busy = false;
    }
  }

  async #send(file) {
    if (this.limits && file.size > this.limits.bytes) {
      throw new Error(`${file.name} has ${megabytes(file.size)}, more than the ${megabytes(this.limits.bytes)} that are taken; make it smaller.`);
    }
    const path = (await isZip(file)) ? "/api/projects" : "/api/photos";
    announce("Reading the photo.");
    return upload(path, file, (sent, total) => {
      const bar = find("upload");
      if (sent < total) bar.value = sent / total;
      else bar.removeAttribute("value"); // All is sent; how long it takes to read is not known.
    });
  }

  #watchDrops() {
    let depth = 0;
    const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
    window.addEventListener("dragenter", (event) => {
      if (!hasFiles(event)) return;
      depth++;
      find("veil").hidden = false;
    });
    window.addEventListener("dragleave", (event) => {
      if (hasFiles(event) && --depth <= 0) find("veil").hidden = true;
    });
    window.addEventListener("dragover", (event) => event.preventDefault());
    window.addEventListener("drop", (event) => {
      event.preventDefault();
      depth = 0;
      find("veil").hidden = true;
      const [file] = event.dataTransfer?.files ?? [];
      if (file) this.open(file);
    });
  }
}

async function isZip(file) {
  const head = new Uint8Array(await file.slice(0, 4).arrayBuffer());
  return head[0] === 0x50 && head[1] === 0x4b && head[2] === 3 && head[3] === 4;
}
