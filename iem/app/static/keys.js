// Shortcuts of the whole page. Letters only outside text fields, and only as long as they are wanted.

export function listen(preferences, acts) {
  window.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]")) return;
    const act = find(event, preferences.letters, acts);
    if (!act) return;
    event.preventDefault();
    act();
  });
}

function find(event, letters, acts) {
  const { target } = event;
  const writes = target.matches?.("input[type=text], textarea, [contenteditable]");
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (event.ctrlKey || event.metaKey) {
    if (writes || event.altKey) return null;
    if (key === "z") return event.shiftKey ? acts.redo : acts.undo;
    return key === "y" ? acts.redo : null;
  }
  if (event.altKey) return null;
  if (key === "Escape") return acts.escape;
  // In a list of choices letters choose.
  if (!letters || event.repeat || writes || target.matches?.("select")) return null;
  return acts.letters[key] ?? null;
}
