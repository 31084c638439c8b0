// The film of a search: its latest frame while it runs, and a small player afterwards.

import { loadMask, haze, SELECTION } from "./masks.js";

const PAUSE = 70; // milliseconds for each frame of the player
const AHEAD = 6; // frames fetched at a time

export class Film {
  #path = "";
  #count = 0;
  #frames = new Map();
  #fetching = false;
  #playing = 0;

  constructor(stage, { box, play, at, text }) {
    Object.assign(this, { stage, box, play, at, text });
    play.addEventListener("click", () => (this.#playing ? this.stop() : this.#start()));
    at.addEventListener("input", () => {
      this.stop({ keep: true });
      this.#show(Number(at.value));
    });
  }

  // While the job runs. Frames that come faster than they are fetched are left out.
  async follow(path, count) {
    if (this.#fetching || count < 1 || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    this.#fetching = true;
    const frame = await this.#frame(path, count - 1);
    // It may have ended meanwhile, and then the mask itself is shown.
    if (this.#fetching && frame) this.stage.setFrame({ picture: frame });
    this.#fetching = false;
  }

  // The job has ended: its film can be played.
  offer(path, count) {
    this.stop();
    this.#fetching = false;
    this.#path = path;
    this.#count = count;
    this.box.hidden = count < 2;
    this.at.max = String(Math.max(0, count - 1));
    this.at.value = this.at.max;
    this.#tell();
  }

  clear() {
    this.offer("", 0);
    this.#frames.clear();
  }

  stop({ keep = false } = {}) {
    this.#playing = 0;
    this.#button();
    if (!keep) this.stage.setFrame(null);
  }

  async #start() {
    const [path, run] = [this.#path, performance.now()];
    this.#playing = run;
    this.#button();
    let index = Number(this.at.value) >= this.#count - 1 ? 0 : Number(this.at.value);
    for (; index < this.#count; index++) {
      await Promise.all(range(index, Math.min(index + AHEAD, this.#count)).map((each) => this.#frame(path, each)));
      if (this.#playing !== run) return;
      this.at.value = String(index);
      await this.#show(index);
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
      if (this.#playing !== run) return;
    }
    this.stop();
    this.#tell();
  }

  async #show(index) {
    this.#tell();
    if (index >= this.#count - 1) {
      this.stage.setFrame(null); // The last is the mask itself.
      return;
    }
    const path = this.#path;
    const frame = await this.#frame(path, index);
    if (frame && path === this.#path && Number(this.at.value) === index) this.stage.setFrame({ picture: frame });
  }

  async #frame(path, index) {
    const key = `${path}/frames/${index}.png`;
    if (!this.#frames.has(key)) {
      const drawn = loadMask(key).then((mask) => haze(mask, SELECTION));
      this.#frames.set(key, drawn.catch(() => null));
    }
    return this.#frames.get(key);
  }

  #tell() {
    this.text.textContent = `${Number(this.at.value) + 1} of ${this.#count}`;
    this.at.setAttribute("aria-valuetext", `Frame ${this.text.textContent}`);
  }

  #button() {
    this.play.querySelector("use").setAttribute("href", this.#playing ? "#i-pause" : "#i-play");
    this.play.setAttribute("aria-label", this.#playing ? "Pause" : "Play the search");
  }
}

function range(from, to) {
  return Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index);
}
