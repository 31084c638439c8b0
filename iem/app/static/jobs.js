// One job at a time: asked for, watched until it ends, cancelled on demand.

import { Refused, request, sessionPath } from "./api.js";

const PAUSE = 90; // milliseconds between looks at a job
const PATIENCE = 20; // looks that may fail before the job is given up

export class Jobs {
  #running = null;
  #starting = null;
  #tickets = 0;

  get running() {
    return this.#running;
  }

  // Takes the place of what runs. Resolves with the job's last state, or null if another took its place before it
  // could start; throws Refused if it could not be started or failed.
  async run(session, kind, json, onProgress) {
    const ticket = ++this.#tickets;
    await this.cancel();
    if (ticket !== this.#tickets) return null;
    this.#starting = request(sessionPath(session, `/${kind}`), { method: "POST", json });
    const { job } = await this.#starting;
    return this.watch(session, job, kind, onProgress);
  }

  watch(session, id, kind, onProgress) {
    const running = { session, id, kind, cancelled: false };
    running.ended = this.#follow(running, onProgress).finally(() => {
      if (this.#running === running) this.#running = null;
    });
    this.#running = running;
    return running.ended;
  }

  async cancel() {
    await this.#starting?.catch(() => {});
    const running = this.#running;
    if (!running) return;
    running.cancelled = true;
    const path = sessionPath(running.session, `/jobs/${encodeURIComponent(running.id)}`);
    await request(path, { method: "DELETE" }).catch(() => {});
    await running.ended.catch(() => {});
  }

  async #follow(running, onProgress) {
    const path = sessionPath(running.session, `/jobs/${encodeURIComponent(running.id)}`);
    for (let failed = 0; ; ) {
      let state;
      try {
        state = await request(path);
        failed = 0;
      } catch (problem) {
        if (problem.status || ++failed >= PATIENCE) throw problem;
        await pause(4 * PAUSE);
        continue;
      }
      if (state.state === "failed") throw new Refused(state.message || "This did not work; try again.", 500);
      onProgress(state, path);
      if (state.state === "done" || state.state === "cancelled") return state;
      await pause(PAUSE);
    }
  }
}

function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
