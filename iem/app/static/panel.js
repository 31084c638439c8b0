// The column beside the photo: the selection, the objects, the painters. It shows the session and asks `acts` to act.

import { announce, Choice, find, icon, make, number, percent, tell } from "./controls.js";
import { css, keptColour } from "./masks.js";
import { sessionPath } from "./api.js";

export class Panel {
  constructor(acts) {
    this.acts = acts;
    this.candidates = new Choice(find("candidates"), "index", (index) => acts.edit({ action: "choose", index: Number(index) }));
    find("keep").addEventListener("click", () => acts.edit({ action: "keep" }));
    find("discard").addEventListener("click", () => acts.edit({ action: "discard" }));
    find("grow-mask").addEventListener("click", () => acts.edit({ action: "grow", pixels: acts.nudge() }));
    find("shrink-mask").addEventListener("click", () => acts.edit({ action: "shrink", pixels: acts.nudge() }));
    find("invert").addEventListener("click", () => acts.edit({ action: "invert" }));
    find("another").addEventListener("click", () => acts.addAnother());
    find("remove").addEventListener("click", () => acts.remove());
    for (const name of ["grow", "feather", "brush"]) {
      find(name).addEventListener("input", () => this.tellSlider(name));
    }
    find("painter").addEventListener("change", () => this.tellPainter());
  }

  tellSlider(name) {
    find(`${name}-value`).textContent = `${find(name).value} px`;
  }

  setSlider(name, most, value) {
    find(name).max = String(most);
    find(name).value = String(value);
    this.tellSlider(name);
  }

  // What the server has: methods and painters that are ready, and what the others need.
  offer({ painters, segmenters }) {
    this.painters = painters;
    fill(find("painter"), painters);
    fill(find("segmenter"), segmenters);
    needs(find("painters-missing"), painters, "painter");
    needs(find("segmenters-missing"), segmenters, "method");
    this.tellPainter();
  }

  tellPainter() {
    const painter = this.painters?.find((each) => each.name === find("painter").value);
    find("painter-about").textContent = painter?.about ? sentence(painter.about) : "";
  }

  show(session) {
    this.#showProposal(session);
    this.#showObjects(session);
    this.#showResult(session);
    const on = session.objects.filter((object) => object.on).length;
    const first = on === 0 && session.proposal ? "Keep and remove" : "Remove";
    find("remove").textContent = on > 1 ? `Remove ${on} objects` : first;
    const isDone = Boolean(session.result) && !session.result.stale;
    find("remove").classList.toggle("primary", !isDone);
    find("download").classList.toggle("primary", isDone);
    find("remove").disabled = on === 0 && !session.proposal;
    find("notices").textContent = session.notices.map(sentence).join(" ");
    find("notices").hidden = session.notices.length === 0;
  }

  #showProposal({ proposal }) {
    find("proposal").hidden = !proposal;
    find("no-proposal").hidden = Boolean(proposal);
    find("area").textContent = proposal ? `${percent(proposal.area)} of the photo · score ${number(proposal.score)}` : "";
    const several = (proposal?.candidates.length ?? 0) > 1;
    find("candidates").hidden = !several;
    if (!several) return;
    const focused = find("candidates").contains(document.activeElement);
    find("candidates").replaceChildren(
      ...proposal.candidates.map((candidate, index) => {
        const score = number(candidate.score);
        const name = candidate.label ? `, ${candidate.label}` : "";
        const button = make("button", { type: "button", title: `Score ${score}${name}` });
        button.dataset.index = String(index);
        button.setAttribute("role", "radio");
        button.setAttribute("aria-label", `Candidate ${index + 1}${name}, score ${score}`);
        button.append(make("canvas", { className: "thumb", width: 44, height: 44 }), make("span", {}, score));
        return button;
      }),
    );
    this.candidates.mark(proposal.chosen);
    if (focused) this.candidates.buttons[proposal.chosen]?.focus();
  }

  #showObjects({ id, objects, proposal, revision }) {
    const focused = document.activeElement?.dataset?.focus;
    find("no-objects").hidden = objects.length > 0;
    find("another").hidden = objects.length === 0 || Boolean(proposal);
    find("masks").hidden = objects.length === 0;
    find("masks").href = `${sessionPath(id, "/masks.zip")}?v=${revision}&download=1`;
    find("objects").replaceChildren(...objects.map((object) => this.#object(object)));
    if (focused) find("objects").querySelector(`[data-focus="${CSS.escape(focused)}"]`)?.focus();
  }

  #object({ id, label, area, on }) {
    const name = label || `object ${id}`;
    const box = make("input", { type: "checkbox", checked: on, id: `object-${id}` });
    box.dataset.focus = `on-${id}`;
    box.addEventListener("change", () => this.acts.switchObject(id, box.checked));
    const canvas = make("canvas", { className: "thumb", width: 44, height: 44 });
    canvas.dataset.object = String(id);
    const swatch = make("span", { className: "swatch" });
    swatch.style.backgroundColor = css(keptColour(id - 1));
    const bin = make("button", { type: "button", className: "icon", title: "Delete" }, icon("bin"));
    bin.dataset.focus = `bin-${id}`;
    bin.setAttribute("aria-label", `Delete ${name}`);
    bin.addEventListener("click", () => this.acts.deleteObject(id));
    const words = make("span", { className: "object-words" }, make("span", { className: "object-name" }, sentence(name, "")));
    words.append(make("span", { className: "quiet small" }, percent(area)));
    const text = make("label", { htmlFor: box.id, className: "object-label" }, canvas, words);
    return make("li", { className: on ? "" : "off" }, box, swatch, text, bin);
  }

  #showResult({ id, name, result, revision }) {
    find("downloads").hidden = !result;
    find("save").href = `${sessionPath(id, "/project.zip")}?v=${revision}&download=1`;
    find("save").download = `${stem(name)}.iem.zip`;
    find("masks").download = `${stem(name)}-masks.zip`;
    if (!result) return;
    find("download").href = `${sessionPath(id, "/result.png")}?v=${revision}&download=1`;
    find("download").download = `${stem(name)}-without.png`;
    const facts = [result.painter, `grown ${result.grow} px`, `feather ${result.feather} px`, `${number(result.seconds)} s`];
    const stale = result.stale ? " The objects have changed since; remove again." : "";
    find("result-about").textContent = `${facts.join(" · ")}.${stale}`;
  }

  // Where the small picture of an object, or of a candidate, belongs.
  thumbnail(kind, number) {
    const list = find(kind);
    return list.querySelector(kind === "objects" ? `canvas[data-object="${number}"]` : `[data-index="${number}"] canvas`);
  }

  describe({ proposal }) {
    if (!proposal) return;
    const several = proposal.candidates.length > 1 ? `, ${proposal.candidates.length} candidates` : "";
    announce(`Selected ${percent(proposal.area)} of the photo, score ${number(proposal.score)}${several}. K keeps it.`);
  }

  clearProblems() {
    for (const id of ["selection-problem", "objects-problem", "remove-problem"]) tell(id);
  }
}

function fill(select, kinds) {
  const before = select.value;
  const option = (kind) =>
    make("option", { value: kind.name, disabled: !kind.ready }, kind.ready ? title(kind.name) : `${title(kind.name)} (not ready)`);
  select.replaceChildren(...kinds.filter((kind) => kind.ready).map(option), ...kinds.filter((kind) => !kind.ready).map(option));
  if (kinds.some((kind) => kind.ready && kind.name === before)) select.value = before;
}

function needs(details, kinds, noun) {
  const missing = kinds.filter((kind) => !kind.ready);
  details.hidden = missing.length === 0;
  const plural = missing.length === 1 ? noun : `${noun}s`;
  details.querySelector("summary").textContent = `${missing.length} more ${plural}, and what ${missing.length === 1 ? "it needs" : "they need"}`;
  details.querySelector("dl").replaceChildren(
    ...missing.map((kind) =>
      make("div", {}, make("dt", {}, title(kind.name)), make("dd", {}, sentence(kind.about)), make("dd", { className: "needs" }, sentence(kind.needs, ""))),
    ),
  );
}

const TITLES = { iem: "IEM", sam: "SAM", sam_hq: "SAM-HQ", lama: "LaMa", mat: "MAT", repaint: "RePaint", clipseg: "CLIPSeg", segclip: "SegCLIP", diffedit: "DiffEdit", grounded_sam: "Grounded SAM", deepfill: "DeepFillv2", controlnet: "ControlNet", mask2former: "Mask2Former" };

export function title(name) {
  const words = name.replaceAll("_", " ");
  return TITLES[name] ?? words[0].toUpperCase() + words.slice(1);
}

function sentence(text, end = ".") {
  const words = (text ?? "").trim();
  return words && words[0].toUpperCase() + words.slice(1) + (/[.!?]$/.test(words) ? "" : end);
}

function stem(name) {
  return (name || "photo").replace(/\.[^.]{1,5}$/, "").replace(/[^\p{L}\p{N} ._-]/gu, "_").slice(0, 80) || "photo";
}
