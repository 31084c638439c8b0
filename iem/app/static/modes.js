// With what the next object is selected, whether clicks exclude, and whether the photo or the result is shown.

import { announce, Choice, find } from "./controls.js";

const HINTS = {
  points: "Click on what should vanish. Shift+click leaves a part out.",
  box: "Drag a box around what should vanish.",
  scribble: "Scribble over what should vanish.",
  text: "Type what should vanish, then Enter.",
};
const NARROW = matchMedia("(max-width: 560px)");

export class Modes {
  tool = "points";
  view = "select";

  // `reset()` forgets what was begun on the photo and stops the film.
  constructor(reset) {
    this.reset = reset;
    this.tools = new Choice(find("tools"), "tool", (tool) => this.choose(tool));
    this.views = new Choice(find("views"), "mode", (view) => this.look(view));
    find("exclude").addEventListener("click", () => this.exclude());
  }

  get excludes() {
    return find("exclude").getAttribute("aria-pressed") === "true";
  }

  choose(tool) {
    this.tool = tool;
    this.tools.mark(tool);
    this.reset();
    if (this.view === "result") this.look("select");
    find("surface").dataset.tool = tool;
    find("text-form").hidden = tool !== "text";
    find("brush-row").hidden = tool !== "scribble";
    find("exclude").hidden = tool !== "points";
    this.hint();
    if (tool === "text") find("text").focus();
  }

  exclude() {
    find("exclude").setAttribute("aria-pressed", String(!this.excludes));
    this.hint();
  }

  look(view) {
    this.view = view;
    document.body.dataset.mode = view;
    this.views.mark(view);
    this.reset();
    find("compare").hidden = view !== "result";
    this.hint();
  }

  // What to do now, or what is to be said of what was done.
  hint(text = this.#usual()) {
    find("hint").textContent = text;
    announce(text);
  }

  #usual() {
    if (this.view === "result") return "Drag to compare before and after.";
    if (this.tool !== "points") return HINTS[this.tool];
    if (this.excludes) return "Click on what should stay.";
    return NARROW.matches ? "Tap what should vanish." : HINTS.points;
  }
}
