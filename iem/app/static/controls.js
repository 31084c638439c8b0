// Small parts of the page that several others use.

export function find(id) {
  return document.getElementById(id);
}

export function make(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  const use = document.createElementNS(space, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

// One sentence where the trouble arose; an empty one takes it away. Only ever text.
export function tell(id, sentence = "") {
  const element = find(id);
  element.textContent = sentence && sentence[0].toUpperCase() + sentence.slice(1);
  element.hidden = !sentence;
}

let spoken = 0;

// For those who hear the page.
export function announce(sentence) {
  clearTimeout(spoken);
  spoken = setTimeout(() => (find("live").textContent = sentence), 150);
}

// Buttons of which one is chosen: arrows move, as in any group of radio buttons.
export class Choice {
  constructor(group, key, onChoose) {
    Object.assign(this, { group, key, onChoose });
    group.addEventListener("click", (event) => {
      const button = event.target.closest("[role=radio]");
      if (button) onChoose(button.dataset[key]);
    });
    group.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const { buttons } = this;
      const next = (buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length;
      buttons[next].focus();
      onChoose(buttons[next].dataset[key]);
    });
  }

  get buttons() {
    return [...this.group.querySelectorAll("[role=radio]")];
  }

  mark(value) {
    for (const button of this.buttons) {
      const chosen = button.dataset[this.key] === String(value);
      button.setAttribute("aria-checked", String(chosen));
      button.tabIndex = chosen ? 0 : -1;
    }
  }
}

export function percent(share) {
  const value = 100 * share;
  return `${value >= 10 ? Math.round(value) : value >= 0.1 ? value.toFixed(1) : "< 0.1"} %`;
}

export function number(value) {
  return Number.isFinite(value) ? String(Number(value.toPrecision(3))) : "";
}

export function megabytes(bytes) {
  return `${number(bytes / 1e6)} MB`;
}
