// What lies over the photo for a session: its kept objects and its proposal, fetched and coloured when they change.

import { sessionPath } from "./api.js";
import { keptColour, loadBlob, loadMask, SELECTION, thumbnail, tint, workingSize } from "./masks.js";

const REMEMBERED = 48;

export class Layers {
  #stage;
  #made = new Map();
  #latest = 0;

  constructor(stage) {
    this.#stage = stage;
  }

  // Resolves with whether these layers are shown; not if the session changed meanwhile.
  async show(session, findThumbnail) {
    const turn = ++this.#latest;
    const [width, height] = workingSize(session.width, session.height);
    const path = (rest) => `${sessionPath(session.id, rest)}?v=${session.revision}`;
    const objects = session.objects.map((object) =>
      this.#make(path(`/objects/${object.id}.png`), keptColour(object.id - 1), width, height),
    );
    const proposal = session.proposal ? this.#make(path("/proposal.png"), SELECTION, width, height) : null;
    const made = await Promise.all([...objects, proposal]);
    if (turn !== this.#latest) return false;
    const last = made.pop();
    const layers = made
      .map((each, index) => ({ ...each, stays: true, on: session.objects[index].on }))
      .filter((each) => each.picture && each.on);
    if (last?.picture) layers.push(last);
    this.#stage.setLayers(layers);
    made.forEach((each, index) => {
      const canvas = findThumbnail("objects", session.objects[index].id);
      if (each.bitmap && canvas) thumbnail(canvas, this.#stage.photo, each.bitmap);
    });
    await this.#candidates(session, turn, path, findThumbnail);
    return true;
  }

  async #candidates({ proposal }, turn, path, findThumbnail) {
    const count = proposal?.candidates.length ?? 0;
    for (let index = 0; count > 1 && index < count && turn === this.#latest; index++) {
      const bitmap = await loadMask(path(`/candidates/${index}.png`)).catch(() => null);
      const canvas = findThumbnail("candidates", index);
      if (bitmap && canvas && turn === this.#latest) thumbnail(canvas, this.#stage.photo, bitmap);
    }
  }

  forget() {
    this.#latest++;
    this.#made.clear();
    this.#stage.setLayers([]);
  }

  // An object's number may stand for another mask after an undo, so masks are known by their bytes.
  async #make(path, colour, width, height) {
    let blob;
    try {
      blob = await loadBlob(path);
    } catch {
      return {}; // Changed or gone meanwhile: the next look at the session will tell.
    }
    const digest = await crypto.subtle.digest("SHA-1", await blob.arrayBuffer());
    const key = `${new Uint8Array(digest).join(".")} ${colour}`;
    let made = this.#made.get(key);
    if (!made) {
      const bitmap = await createImageBitmap(blob);
      made = { bitmap, picture: tint(bitmap, colour, width, height) };
    }
    this.#made.delete(key);
    this.#made.set(key, made);
    if (this.#made.size > REMEMBERED) this.#made.delete(this.#made.keys().next().value);
    return made;
  }
}
