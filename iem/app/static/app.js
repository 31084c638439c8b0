// The page: which session it shows, and what happens when something is pressed. The server knows the truth; this page
// shows the session as it was last told, and the session's number stands in the address so that a reload finds it.

import { Refused, request, sessionPath } from "./api.js";
import { announce, find, megabytes, number, tell } from "./controls.js";
import { Compare } from "./compare.js";
import { Film } from "./film.js";
import { listen } from "./keys.js";
import { Layers } from "./layers.js";
import { Modes } from "./modes.js";
import { Opening } from "./opening.js";
import { Panel, title } from "./panel.js";
import { Pointing } from "./pointing.js";
import { Preferences } from "./preferences.js";
import { complete, extended, methodFor, pointAtSomething } from "./prompts.js";
import { Stage } from "./stage.js";
import { Working } from "./working.js";

const PROBLEMS = { propose: "selection-problem", find: "selection-problem", remove: "remove-problem" };

class App {
  constructor() {
    this.session = null;
    this.about = { painters: [], segmenters: [] };
    this.prompts = []; // what is shown as marks: sent, or about to be
    const parts = { viewport: "viewport", canvas: "canvas", photo: "photo", overlay: "overlay", marks: "marks" };
    const elements = Object.fromEntries(Object.entries(parts).map(([key, id]) => [key, find(id)]));
    this.stage = new Stage({ ...elements, surface: find("surface"), level: find("zoom-fit") });
    this.layers = new Layers(this.stage);
    this.film = new Film(this.stage, {
      box: find("film"), play: find("film-play"), at: find("film-at"), text: find("film-text"),
    });
    this.compare = new Compare();
    this.panel = new Panel(this);
    this.preferences = new Preferences();
    this.pointing = new Pointing(this.stage, {
      tool: () => this.modes.tool,
      excluding: () => this.modes.excludes,
      brush: () => Number(find("brush").value),
      give: (prompt) => this.say(prompt),
      say: (text) => this.modes.hint(text),
    });
    this.opening = new Opening({ opened: (id) => this.enter(id) });
    this.modes = new Modes(() => {
      this.pointing.reset();
      this.film.stop();
    });
    this.working = new Working(this.film, (...how) => this.ended(...how));
    this.listen();
  }

  listen() {
    const on = (id, act) => find(id).addEventListener("click", act);
    on("find", () => this.findObjects());
    on("undo", () => this.step("undo"));
    on("redo", () => this.step("redo"));
    on("zoom-in", () => this.stage.zoom(1));
    on("zoom-out", () => this.stage.zoom(-1));
    on("zoom-fit", () => this.stage.zoom(0));
    on("another-photo", () => (location.hash = ""));
    find("text-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const text = find("text").value.trim();
      if (text) this.say({ type: "text", text });
    });
    window.addEventListener("hashchange", () => this.open(location.hash.slice(1)));
    const press = (id) => () => find(id).offsetParent && !find(id).disabled && find(id).click();
    listen(this.preferences, {
      undo: press("undo"),
      redo: press("redo"),
      escape: () => this.escape(),
      letters: {
        p: () => this.modes.choose("points"), b: () => this.modes.choose("box"), s: () => this.modes.choose("scribble"),
        t: () => this.modes.choose("text"), x: () => this.modes.exclude(), f: press("find"), k: press("keep"), d: press("discard"),
        g: press("grow-mask"), h: press("shrink-mask"), i: press("invert"), a: press("another"), r: press("remove"),
        v: () => this.session?.result && this.modes.look(this.modes.view === "result" ? "select" : "result"),
        "+": press("zoom-in"), "=": press("zoom-in"), "-": press("zoom-out"), 0: press("zoom-fit"),
        "?": () => this.preferences.help(),
      },
    });
  }

  async start() {
    try {
      this.about = await request("/api/about");
      this.panel.offer(this.about);
      this.opening.limits = this.about.limits;
      const { bytes, megapixels } = this.about.limits;
      find("limits").textContent = `The photo stays on this machine. Up to ${number(megapixels)} megapixels, ${megabytes(bytes)}.`;
      find("version").textContent = `iem ${this.about.version}`;
    } catch (problem) {
      tell("start-problem", problem.message);
    }
    await this.open(location.hash.slice(1));
    document.body.dataset.ready = "true";
  }

  enter(id) {
    if (location.hash.slice(1) === id) return this.open(id);
    history.pushState(null, "", `#${id}`);
    return this.open(id);
  }

  async open(id) {
    if (this.session?.id === id && id) return;
    const turn = (this.turn = (this.turn ?? 0) + 1);
    await this.working.cancel();
    this.session = null;
    this.layers.forget();
    this.film.clear();
    this.modes.look("select");
    document.body.dataset.view = "start";
    document.title = "iem: remove objects from a photo";
    tell("start-problem");
    if (!id) return;
    try {
      const session = await request(sessionPath(id));
      if (turn !== this.turn) return; // Another photo was opened meanwhile.
      this.panel.clearProblems();
      document.body.dataset.view = "edit";
      find("edit").setAttribute("aria-busy", "true");
      this.arrange(session);
      await this.stage.show(`${sessionPath(id, "/photo")}`, session.width, session.height);
      if (turn !== this.turn) return;
      this.session = session;
      find("edit").setAttribute("aria-busy", "false");
      this.modes.choose("points");
      this.take(session);
      this.modes.look(session.result ? "result" : "select");
      find("surface").focus({ preventScroll: true });
      announce(`${session.name}, ${session.width} by ${session.height} pixels, is open.`);
      if (session.job) this.working.follow(id, session.job);
    } catch (problem) {
      if (turn !== this.turn) return;
      document.body.dataset.view = "start";
      history.replaceState(null, "", location.pathname);
      const gone = problem.status === 404 ? "That photo is no longer open here; choose it again." : "";
      tell("start-problem", gone || (problem instanceof Refused ? problem.message : "The photo could not be shown; try again."));
    }
  }

  // What depends on the size of the photo.
  arrange({ name, width, height }) {
    const short = Math.min(width, height);
    this.panel.setSlider("grow", Math.max(20, Math.round(short * 0.06)), Math.max(1, Math.round(short * 0.01)));
    this.panel.setSlider("feather", Math.max(10, Math.round(short * 0.04)), Math.max(1, Math.round(short * 0.005)));
    this.panel.setSlider("brush", Math.max(10, Math.round(short * 0.12)), Math.max(2, Math.round(short * 0.025)));
    find("name").textContent = name;
    find("size").textContent = `${width} × ${height}`;
    document.title = `${name} · iem`;
  }

  nudge() {
    return Math.max(1, Math.round(Math.min(this.session.width, this.session.height) / 250));
  }

  // The session as the server tells it.
  take(session) {
    if (this.session?.id !== session.id) return;
    this.session = session;
    // What was said while this was on its way is with the server already, or about to be.
    if (!this.working.isBusy) this.prompts = complete(session.proposal?.prompts);
    this.stage.setPrompts(this.prompts);
    find("undo").disabled = !session.can_undo;
    find("redo").disabled = !session.can_redo;
    this.panel.show(session);
    this.compare.show(session);
    find("views").hidden = !session.result;
    if (!session.result && this.modes.view === "result") this.modes.look("select");
    this.offerFilm(session);
    return this.layers.show(session, (kind, index) => this.panel.thumbnail(kind, index));
  }

  async offerFilm({ id, proposal, revision }) {
    const path = proposal?.job && Working.filmPath(id, proposal.job);
    if (!path) return this.film.clear();
    const job = await request(path).catch(() => null); // Old ones are forgotten.
    if (this.session?.revision === revision) this.film.offer(path, job?.frames ?? 0);
  }

  say(prompt) {
    if (!this.session) return;
    const prompts = extended(this.prompts, prompt);
    if (!pointAtSomething(prompts)) {
      tell("selection-problem", "First click on what should vanish, then on what should stay.");
      return;
    }
    const before = find("segmenter").value;
    const segmenter = methodFor(prompts, this.about.segmenters, before);
    if (segmenter !== before) {
      find("segmenter").value = segmenter;
      this.modes.hint(`${title(segmenter)} searches, since ${title(before)} does not take this.`);
    }
    this.prompts = prompts;
    this.stage.setPrompts(prompts);
    return this.work("propose", { prompts, segmenter });
  }

  findObjects() {
    if (this.modes.view === "result") this.modes.look("select");
    return this.work("find", {});
  }

  async remove() {
    if (!this.session.objects.some((object) => object.on) && !(await this.edit({ action: "keep" }))) return;
    const [grow, feather] = [Number(find("grow").value), Number(find("feather").value)];
    return this.work("remove", { painter: find("painter").value, grow, feather });
  }

  work(kind, json) {
    tell(PROBLEMS[kind]);
    return this.working.start(this.session.id, kind, json);
  }

  async ended(kind, id, state, problem) {
    if (this.session?.id !== id) return;
    if (problem) tell(PROBLEMS[kind], problem.message);
    await this.refresh();
    if (state?.state === "cancelled") this.modes.hint("Cancelled.");
    if (state?.state !== "done") return;
    if (kind === "remove") this.unveil();
    else if (this.session.proposal) {
      this.modes.hint(kind === "find" ? "Choose what should vanish, and keep it; the others stay for a choice." : undefined);
      this.panel.describe(this.session);
    } else tell("selection-problem", state.message || "Nothing was found; click elsewhere, or draw a box.");
  }

  unveil() {
    const waiting = document.activeElement === find("remove") || document.activeElement === document.body;
    this.modes.look("result");
    if (waiting) find("slider").focus({ preventScroll: true });
    find("viewport").scrollIntoView({ block: "nearest" });
    announce(`Removed in ${number(this.session.result?.seconds ?? 0)} seconds. The slider compares before and after.`);
  }

  async refresh() {
    try {
      await this.take(await request(sessionPath(this.session.id)));
    } catch (problem) {
      tell("notices", problem.message);
    }
  }

  // A change that is done at once, and answered with the session.
  async change(path, options, problem) {
    if (!this.session) return false;
    this.panel.clearProblems();
    try {
      const session = await request(sessionPath(this.session.id, path), options);
      if (session?.id) await this.take(session);
      else await this.refresh();
      return true;
    } catch (refused) {
      tell(problem, refused.message);
      return false;
    }
  }

  async edit(json) {
    const done = await this.change("/proposal", { method: "POST", json }, "selection-problem");
    if (!done) return false;
    if (json.action === "keep" || json.action === "discard") {
      if (!this.session.proposal) find("surface").focus({ preventScroll: true });
      announce(json.action === "keep" ? `Kept; ${this.session.objects.length} in the list.` : "Discarded.");
    } else this.panel.describe(this.session);
    return true;
  }

  step(direction) {
    return this.change(`/${direction}`, { method: "POST" }, "selection-problem");
  }

  switchObject(id, on) {
    return this.change(`/objects/${id}`, { method: "POST", json: { on } }, "objects-problem");
  }

  async deleteObject(id) {
    if (await this.change(`/objects/${id}`, { method: "DELETE" }, "objects-problem")) find("surface").focus({ preventScroll: true });
  }

  addAnother() {
    this.modes.look("select");
    this.modes.choose(this.modes.tool);
    if (this.modes.tool !== "text") find("surface").focus({ preventScroll: true });
    find("viewport").scrollIntoView({ block: "nearest" });
  }

  escape() {
    if (this.pointing.reset()) return this.modes.hint();
    if (this.working.isBusy) return this.working.cancel();
    this.stage.setCursor(null);
  }
}

new App().start();
