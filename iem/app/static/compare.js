// Before and after: the photo to the left of where the slider stands, the result to its right.

import { sessionPath } from "./api.js";
import { find } from "./controls.js";

export class Compare {
  #shown = "";

  constructor() {
    find("slider").addEventListener("input", () => this.#cut());
    this.#cut();
  }

  show({ id, result, revision }) {
    const key = result ? JSON.stringify([id, result]) : "";
    if (key === this.#shown) return;
    this.#shown = key;
    if (!result) {
      find("result").removeAttribute("src");
      return;
    }
    find("result").src = `${sessionPath(id, "/result.png")}?v=${revision}`;
    find("slider").value = "50";
    this.#cut();
  }

  #cut() {
    const share = `${find("slider").value}%`;
    find("canvas").style.setProperty("--cut", share);
    find("slider").setAttribute("aria-valuetext", `${Math.round(Number(find("slider").value))} % before`);
  }
}
