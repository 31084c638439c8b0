// Masks as the server sends them (grey, white = object), and how they are laid over the photo.

// Okabe and Ito's colours, the same as iem.visualise; the first is the selection, the others are kept objects.
export const SELECTION = [86, 180, 233];
const KEPT = [
  [230, 159, 0],
  [204, 121, 167],
  [0, 158, 115],
  [240, 228, 66],
  [213, 94, 0],
  [0, 114, 178],
];
const LONG_SIDE = 1200; // More than this is hardly seen on a screen, and 12 megapixels would take a second each.

export function keptColour(id) {
  return KEPT[((id % KEPT.length) + KEPT.length) % KEPT.length];
}

export function css(colour) {
  return `rgb(${colour.join(" ")})`;
}

export async function loadMask(path) {
  return createImageBitmap(await loadBlob(path));
}

export async function loadBlob(path) {
  const response = await fetch(path, { credentials: "same-origin", cache: "no-store" });
  if (!response.ok) throw new Error(`no mask at ${path}`);
  return response.blob();
}

export function canvasOf(width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width));
  canvas.height = Math.max(1, Math.round(height));
  return canvas;
}

export function workingSize(width, height) {
  const scale = Math.min(4, LONG_SIDE / Math.max(width, height));
  return [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
}

// The grey values of a mask, drawn to a size.
function levels(bitmap, width, height) {
  const canvas = canvasOf(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, width, height);
  const { data } = context.getImageData(0, 0, width, height);
  const grey = new Uint8ClampedArray(width * height);
  for (let index = 0; index < grey.length; index++) grey[index] = data[4 * index];
  return grey;
}

// Means over 7 x 7 pixels, so that the line runs around the object and not around every speck.
function smoothed(grey, width, height, reach = 3) {
  const across = (from, length, count, step, stride) => {
    const to = new Uint8ClampedArray(from.length);
    for (let row = 0; row < count; row++) {
      const start = row * stride;
      const at = (index) => from[start + Math.min(Math.max(index, 0), length - 1) * step];
      let sum = 0;
      for (let index = -reach; index <= reach; index++) sum += at(index);
      for (let index = 0; index < length; index++) {
        to[start + index * step] = sum / (2 * reach + 1);
        sum += at(index + reach + 1) - at(index - reach);
      }
    }
    return to;
  };
  return across(across(grey, width, height, 1, width), height, width, width, 1);
}

// Mask -> a canvas with the mask in its colour, and a line in that colour, light outside, around it.
export function tint(bitmap, colour, width, height, { fill = 0.36, line = 2 } = {}) {
  const grey = levels(bitmap, width, height);
  const canvas = canvasOf(width, height);
  const context = canvas.getContext("2d");
  const picture = context.createImageData(width, height);
  const { data } = picture;
  const put = (at, red, green, blue, alpha) => {
    data[4 * at] = red;
    data[4 * at + 1] = green;
    data[4 * at + 2] = blue;
    data[4 * at + 3] = alpha;
  };
  for (let at = 0; at < grey.length; at++) if (grey[at]) put(at, ...colour, grey[at] * fill);
  const smooth = line < 0 ? grey : smoothed(grey, width, height);
  const inside = (x, y) => x < 0 || y < 0 || x >= width || y >= height || smooth[y * width + x] > 127;
  for (let y = 0; line >= 0 && y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (smooth[y * width + x] <= 127) continue;
      if (inside(x - 1, y) && inside(x + 1, y) && inside(x, y - 1) && inside(x, y + 1)) continue;
      for (let down = -line; down <= line; down++) {
        for (let right = -line; right <= line; right++) {
          const [column, row] = [x + right, y + down];
          if (column < 0 || row < 0 || column >= width || row >= height) continue;
          const at = row * width + column;
          if (smooth[at] > 127) put(at, ...colour, 255);
          else if (Math.abs(right) + Math.abs(down) <= Math.max(1, line - 1)) put(at, 255, 255, 255, 235);
        }
      }
    }
  }
  context.putImageData(picture, 0, 0);
  return canvas;
}

// A frame of the film: small, soft, no line.
export function haze(bitmap, colour, fill = 0.55) {
  return tint(bitmap, colour, bitmap.width, bitmap.height, { fill, line: -1 });
}

// The object cut out of the photo, as large as fits.
export function thumbnail(canvas, photo, bitmap) {
  const [width, height] = workingSize(bitmap.width, bitmap.height).map((side) => Math.max(1, Math.round(side / 2)));
  const grey = levels(bitmap, width, height);
  let [left, top, right, bottom] = [width, height, 0, 0];
  grey.forEach((value, at) => {
    if (value < 128) return;
    const [x, y] = [at % width, Math.floor(at / width)];
    left = Math.min(left, x);
    right = Math.max(right, x + 1);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y + 1);
  });
  if (right <= left) return;
  const cut = canvasOf(width, height);
  const context = cut.getContext("2d");
  const alpha = context.createImageData(width, height);
  for (let at = 0; at < grey.length; at++) alpha.data[4 * at + 3] = grey[at];
  context.putImageData(alpha, 0, 0);
  context.globalCompositeOperation = "source-in";
  context.drawImage(photo, 0, 0, width, height);
  const ratio = Math.min(2, window.devicePixelRatio || 1);
  const side = 44 * ratio;
  canvas.width = canvas.height = side;
  const scale = (side * 0.88) / Math.max(right - left, bottom - top);
  const [wide, high] = [(right - left) * scale, (bottom - top) * scale];
  const target = canvas.getContext("2d");
  target.imageSmoothingQuality = "high";
  target.drawImage(
    cut, left, top, right - left, bottom - top, (side - wide) / 2, (side - high) / 2, wide, high,
  );
}
