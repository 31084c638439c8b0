// The photo on the screen: its size, zoom, what is laid over it, and which of its pixels is under the pointer.

const SVG = "http://www.w3.org/2000/svg";
const LARGEST_PIXEL = 4; // on the screen, of a photo that is fitted
const ZOOMS = [1, 1.5, 2, 3, 4, 6, 8];

export class Stage {
  #zoom = 1;
  #layers = [];
  #drawn = [];
  #prompts = [];
  #draft = null;
  #cursor = null;

  constructor({ viewport, canvas, photo, overlay, marks, surface, level }) {
    Object.assign(this, { viewport, canvas, photo, overlay, marks, surface, level });
    this.width = this.height = 1;
    new ResizeObserver(() => this.fit()).observe(viewport);
  }

  async show(source, width, height) {
    this.width = width;
    this.height = height;
    this.#zoom = 1;
    this.#cursor = null;
    this.setLayers([]);
    this.setPrompts([]);
    this.fit();
    this.photo.src = source;
    await this.photo.decode();
  }

  get scale() {
    return this.canvas.clientWidth / this.width || 1;
  }

  fit() {
    const { clientWidth, clientHeight } = this.viewport;
    if (!clientWidth || !clientHeight) return;
    const least = Math.min(clientWidth / this.width, clientHeight / this.height);
    const scale = Math.min(least, LARGEST_PIXEL) * this.#zoom;
    this.canvas.style.width = `${Math.max(1, Math.floor(this.width * scale))}px`;
    this.canvas.style.height = `${Math.max(1, Math.floor(this.height * scale))}px`;
    this.level.textContent = this.#zoom === 1 ? "Fit" : `${Math.round(this.#zoom * 100)} %`;
    this.#paint();
    this.#mark();
  }

  zoom(direction) {
    const { scrollLeft, scrollTop, clientWidth, clientHeight, scrollWidth, scrollHeight } = this.viewport;
    const [across, down] = [(scrollLeft + clientWidth / 2) / scrollWidth, (scrollTop + clientHeight / 2) / scrollHeight];
    const next = ZOOMS.indexOf(this.#zoom) + direction;
    this.#zoom = direction === 0 ? 1 : ZOOMS[Math.min(Math.max(next, 0), ZOOMS.length - 1)];
    this.fit();
    this.viewport.scrollLeft = across * this.viewport.scrollWidth - clientWidth / 2;
    this.viewport.scrollTop = down * this.viewport.scrollHeight - clientHeight / 2;
  }

  // Pixels of the original photo, whatever the zoom of the stage or the browser and the density of the screen.
  toPicture(clientX, clientY) {
    const box = this.surface.getBoundingClientRect();
    return this.inside(
      ((clientX - box.left) / box.width) * this.width,
      ((clientY - box.top) / box.height) * this.height,
    );
  }

  inside(x, y) {
    const clip = (value, size) => Math.min(Math.max(value, 0), size - 0.001);
    return [clip(x, this.width), clip(y, this.height)].map((value) => Math.round(value * 1000) / 1000);
  }

  setLayers(layers) {
    this.#layers = layers;
    this.#paint();
  }

  // Over the layers, for a moment: a frame of the film. null puts the layers back.
  setFrame(frame) {
    this.#drawn = frame ? [frame] : [];
    this.#paint();
  }

  setPrompts(prompts) {
    this.#prompts = prompts;
    this.#mark();
  }

  setDraft(draft) {
    this.#draft = draft;
    this.#mark();
  }

  get cursor() {
    return this.#cursor;
  }

  setCursor(cursor) {
    this.#cursor = cursor;
    this.#mark();
    if (cursor) this.#reveal(cursor);
  }

  #reveal([x, y]) {
    const [left, top] = [x * this.scale, y * this.scale];
    const { clientWidth, clientHeight } = this.viewport;
    const margin = 40;
    const view = this.viewport;
    if (left < view.scrollLeft + margin) view.scrollLeft = left - margin;
    if (left > view.scrollLeft + clientWidth - margin) view.scrollLeft = left - clientWidth + margin;
    if (top < view.scrollTop + margin) view.scrollTop = top - margin;
    if (top > view.scrollTop + clientHeight - margin) view.scrollTop = top - clientHeight + margin;
  }

  #paint() {
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const width = Math.min(this.canvas.clientWidth * ratio, 2400);
    const height = (width / this.width) * this.height;
    this.overlay.width = Math.max(1, Math.round(width));
    this.overlay.height = Math.max(1, Math.round(height));
    const context = this.overlay.getContext("2d");
    context.imageSmoothingQuality = "high";
    const showing = this.#drawn.length ? this.#drawn.concat(this.#layers.filter((layer) => layer.stays)) : this.#layers;
    for (const layer of showing) {
      context.globalAlpha = layer.alpha ?? 1;
      context.drawImage(layer.picture, 0, 0, this.overlay.width, this.overlay.height);
    }
  }

  #mark() {
    const { clientWidth, clientHeight } = this.canvas;
    this.marks.setAttribute("viewBox", `0 0 ${clientWidth} ${clientHeight}`);
    const shapes = [...this.#prompts, this.#draft].filter(Boolean).flatMap((prompt) => this.#shapes(prompt));
    if (this.#cursor) shapes.push(this.#crossHair(this.#cursor));
    this.marks.replaceChildren(...shapes);
  }

  #shapes(prompt) {
    const scale = this.scale;
    if (prompt.type === "points") {
      return prompt.xy.map(([x, y], index) => point(x * scale, y * scale, prompt.positive[index]));
    }
    if (prompt.type === "box") {
      const { left, top, right, bottom } = prompt;
      const place = { x: left * scale, y: top * scale, width: (right - left) * scale, height: (bottom - top) * scale };
      return [make("rect", { class: "halo", ...place }), make("rect", { class: "line", ...place })];
    }
    if (prompt.type === "scribble") {
      const points = prompt.points.map(([x, y]) => `${x * scale},${y * scale}`);
      if (points.length === 1) points.push(points[0]);
      const place = { points: points.join(" "), "stroke-width": Math.max(2, prompt.width * scale) };
      return [make("polyline", { class: "stroke", ...place })];
    }
    return [];
  }

  #crossHair([x, y]) {
    const [left, top] = [x * this.scale, y * this.scale];
    const { clientWidth, clientHeight } = this.canvas;
    const across = `M0 ${top}H${left - 9}M${left + 9} ${top}H${clientWidth}`;
    const path = `${across}M${left} 0V${top - 9}M${left} ${top + 9}V${clientHeight}`;
    const group = make("g", { class: "cross-hair" });
    const ring = { cx: left, cy: top, r: 9 };
    group.append(make("path", { class: "halo", d: path }), make("path", { class: "line", d: path }));
    group.append(make("circle", { class: "halo", ...ring }), make("circle", { class: "line", ...ring }));
    return group;
  }
}

function point(x, y, positive) {
  const group = make("g", { class: positive ? "point" : "point excluded" });
  group.append(make("circle", { cx: x, cy: y, r: 8 }));
  group.append(make("path", { d: `M${x - 4} ${y}h8${positive ? `M${x} ${y - 4}v8` : ""}` }));
  return group;
}

function make(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}
