// What was said of one object, as the list that the server takes.

// The list with one more thing said. Points come together, a second box replaces the first, and words stand alone.
export function extended(prompts, prompt) {
  if (prompt.type === "text") return [prompt];
  const others = prompts.filter((each) => each.type !== "text" && !(prompt.type === "box" && each.type === "box"));
  const points = others.find((each) => each.type === "points");
  if (prompt.type !== "points" || !points) return [...others, prompt];
  const together = {
    type: "points",
    xy: [...points.xy, ...prompt.xy],
    positive: [...positives(points), ...positives(prompt)],
  };
  return others.map((each) => (each === points ? together : each));
}

// Whether it says of any pixel that it is the object's, and not only of some that they are not.
export function pointAtSomething(prompts) {
  return prompts.some((prompt) => prompt.type !== "points" || positives(prompt).includes(true));
}

// The first method that is ready and understands them all, the present one before the others; else the present one.
export function methodFor(prompts, methods, present) {
  const kinds = prompts.map((prompt) => prompt.type);
  const able = methods.filter((method) => method.ready && kinds.every((kind) => method.prompts.includes(kind)));
  return able.find((method) => method.name === present)?.name ?? able[0]?.name ?? present;
}

// As the server may leave out what is usual.
export function complete(prompts) {
  return (prompts ?? []).map((prompt) => (prompt.type === "points" ? { ...prompt, positive: positives(prompt) } : prompt));
}

function positives({ xy, positive }) {
  return positive?.length ? positive : xy.map(() => true);
}
