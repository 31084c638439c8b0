// The job at work, as it is seen: its progress over the photo, its film, Cancel.

import { sessionPath } from "./api.js";
import { find } from "./controls.js";
import { Jobs } from "./jobs.js";

const SAYS = { propose: "Searching", find: "Finding objects", remove: "Painting" };

export class Working {
  #jobs = new Jobs();
  #latest = 0;
  #busy = false;

  // `ended(kind, session, state, problem)` is told the last state of a job, or why there is none.
  constructor(film, ended) {
    Object.assign(this, { film, ended });
    find("cancel").addEventListener("click", () => this.cancel());
  }

  // From when something is asked for, not only from when the server has begun.
  get isBusy() {
    return this.#busy;
  }

  cancel() {
    return this.#jobs.cancel();
  }

  start(session, kind, json) {
    this.film.stop();
    this.#tell(kind, { state: "queued", step: 0, steps: 0 });
    return this.#watch(kind, session, this.#jobs.run(session, kind, json, (state, path) => this.#progress(kind, state, path)));
  }

  // A job that was at work when the page was loaded.
  follow(session, { id, kind }) {
    return this.#watch(kind, session, this.#jobs.watch(session, id, kind, (state, path) => this.#progress(kind, state, path)));
  }

  // Of the film of a job that has ended: where it is, and how many frames there are.
  static filmPath(session, job) {
    return sessionPath(session, `/jobs/${encodeURIComponent(job)}`);
  }

  async #watch(kind, session, ending) {
    const turn = ++this.#latest;
    this.#busy = true;
    let [state, trouble] = [null, null];
    try {
      state = await ending;
    } catch (problem) {
      trouble = problem;
    }
    if (turn !== this.#latest) return; // Another took its place, and tells how it goes.
    this.#busy = false;
    find("job").hidden = true;
    this.film.stop();
    await this.ended(kind, session, state, trouble);
  }

  #progress(kind, state, path) {
    this.#tell(kind, state);
    if (kind !== "remove" && state.state === "running") this.film.follow(path, state.frames ?? 0);
  }

  #tell(kind, { state, step, steps, message }) {
    find("job").hidden = false;
    const said = message && kind !== "propose" ? message[0].toUpperCase() + message.slice(1) : SAYS[kind];
    // After the last step some work may be left, of which nobody knows how long it takes.
    const counts = steps > 0 && step < steps;
    const text = state === "queued" ? "Waiting" : steps && !counts ? "Finishing" : said;
    find("job-text").textContent = counts ? `${text} · ${step} of ${steps}` : text;
    if (counts) find("job-progress").value = step / steps;
    else find("job-progress").removeAttribute("value");
  }
}
