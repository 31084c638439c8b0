// What a person likes: dark or light (see theme.js), shortcuts by letters. Kept by the browser, never sent.

import { announce, find } from "./controls.js";

function recall(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // Storage may be switched off.
  }
}

function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Then it lasts as long as the page.
  }
}

export class Preferences {
  constructor() {
    this.letters = recall("iem-letters") !== "off";
    find("letters").checked = this.letters;
    find("letters").addEventListener("change", () => {
      this.letters = find("letters").checked;
      remember("iem-letters", this.letters ? "on" : "off");
    });
    find("theme").addEventListener("click", () => this.#turn());
    find("theme").title = "Dark or light";
    find("help").addEventListener("click", () => this.help());
    find("help-close").addEventListener("click", () => find("help-dialog").close());
    find("help-dialog").addEventListener("click", (event) => {
      if (event.target === find("help-dialog")) find("help-dialog").close();
    });
  }

  help() {
    const dialog = find("help-dialog");
    if (!dialog.open) dialog.showModal();
  }

  #turn() {
    const { dataset } = document.documentElement;
    const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    dataset.theme = (dataset.theme ?? system) === "dark" ? "light" : "dark";
    remember("iem-theme", dataset.theme);
    announce(dataset.theme);
  }
}
