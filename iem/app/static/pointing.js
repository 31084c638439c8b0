// Mouse, finger, pen and keyboard on the photo, as prompts in its pixels.

const STEPS = { plain: 12, far: 60 }; // on the screen

export class Pointing {
  #drag = null; // of a pointer: {id, from, points}
  #keys = null; // begun with Enter: {from, points}

  // `tool()`, `excluding()` and `brush()` tell what is chosen; `give(prompt)` takes what was drawn; `say(text)` tells.
  constructor(stage, { tool, excluding, brush, give, say }) {
    Object.assign(this, { stage, tool, excluding, brush, give, say });
    const { surface } = stage;
    surface.addEventListener("click", (event) => this.#click(event));
    surface.addEventListener("pointerdown", (event) => {
      surface.dataset.pointer = "true"; // The ring of the focus is for those who use the keyboard.
      this.#down(event);
    });
    surface.addEventListener("pointermove", (event) => this.#move(event));
    surface.addEventListener("pointerup", (event) => this.#up(event));
    surface.addEventListener("pointercancel", () => this.reset());
    surface.addEventListener("keydown", (event) => this.#key(event));
    surface.addEventListener("blur", () => {
      this.reset();
      this.stage.setCursor(null);
    });
  }

  // What was begun and not finished is forgotten; whether there was anything.
  reset() {
    const begun = Boolean(this.#drag || this.#keys);
    this.#drag = this.#keys = null;
    this.stage.setDraft(null);
    return begun;
  }

  #click(event) {
    if (this.tool() !== "points" || event.button !== 0) return;
    this.stage.setCursor(null);
    this.#point(this.stage.toPicture(event.clientX, event.clientY), event.shiftKey);
  }

  #point(xy, excluded) {
    this.give({ type: "points", xy: [xy], positive: [!(excluded || this.excluding())] });
  }

  #draws() {
    return this.tool() === "box" || this.tool() === "scribble";
  }

  #down(event) {
    if (!this.#draws() || event.button !== 0 || this.#drag) return;
    this.stage.setCursor(null);
    this.#keys = null;
    this.stage.surface.setPointerCapture(event.pointerId);
    const from = this.stage.toPicture(event.clientX, event.clientY);
    this.#drag = { id: event.pointerId, from, points: [from] };
  }

  #move(event) {
    if (this.#drag?.id !== event.pointerId) return;
    const between = this.tool() === "scribble" ? event.getCoalescedEvents?.() ?? [] : [];
    for (const each of between.length ? between : [event]) {
      extend(this.#drag.points, this.stage.toPicture(each.clientX, each.clientY), 1 / this.stage.scale);
    }
    this.stage.setDraft(this.#drawing(this.#drag));
  }

  #up(event) {
    if (this.#drag?.id !== event.pointerId) return;
    this.#drag.points.push(this.stage.toPicture(event.clientX, event.clientY));
    const drawing = this.#drawing(this.#drag);
    this.reset();
    this.#finish(drawing);
  }

  #drawing({ from, points }) {
    if (this.tool() === "scribble") return { type: "scribble", points: points.slice(), width: this.brush() };
    const to = points[points.length - 1];
    return {
      type: "box",
      left: Math.min(from[0], to[0]),
      top: Math.min(from[1], to[1]),
      // A corner on the photo's last pixels is meant to be at its edge; a box may reach that, points may not.
      right: edge(Math.max(from[0], to[0]), this.stage.width),
      bottom: edge(Math.max(from[1], to[1]), this.stage.height),
    };
  }

  #finish(drawing) {
    const least = 4 / this.stage.scale;
    if (drawing.type === "box" && (drawing.right - drawing.left < least || drawing.bottom - drawing.top < least)) {
      this.say("Drag from one corner of the object to the opposite one.");
      return;
    }
    this.give(drawing);
  }

  #key(event) {
    delete this.stage.surface.dataset.pointer;
    if (event.ctrlKey || event.metaKey) return;
    if (event.key === "Enter") {
      event.preventDefault();
      this.#enter(event.shiftKey);
      return;
    }
    const towards = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!towards) return;
    event.preventDefault();
    const step = event.altKey ? 1 : (event.shiftKey ? STEPS.far : STEPS.plain) / this.stage.scale;
    const [x, y] = this.#cursor();
    // The first arrow only shows where the cross-hair is.
    const next = this.stage.cursor ? this.stage.inside(x + towards[0] * step, y + towards[1] * step) : [x, y];
    this.stage.setCursor(next);
    this.say(`${Math.floor(next[0])}, ${Math.floor(next[1])}`);
    if (!this.#keys) return;
    if (this.tool() === "scribble") extend(this.#keys.points, next, 0);
    else this.#keys.points = [this.#keys.from, next];
    this.stage.setDraft(this.#drawing(this.#keys));
  }

  #cursor() {
    return this.stage.cursor ?? this.stage.inside(this.stage.width / 2, this.stage.height / 2);
  }

  #enter(excluded) {
    const at = this.#cursor();
    this.stage.setCursor(at);
    if (!this.#draws()) {
      if (this.tool() === "points") this.#point(at, excluded);
      return;
    }
    if (!this.#keys) {
      this.#keys = { from: at, points: [at] };
      this.say(this.tool() === "box" ? "First corner; Enter sets the opposite one." : "Scribbling; Enter ends it.");
      return;
    }
    const drawing = this.#drawing(this.#keys);
    this.reset();
    this.#finish(drawing);
  }
}

function edge(value, size) {
  return value > size - 1 ? size : value;
}

// Points that lie closer together than can be seen only make the request long.
function extend(points, next, least) {
  const last = points[points.length - 1];
  if (Math.hypot(next[0] - last[0], next[1] - last[1]) > least && points.length < 4000) points.push(next);
}
