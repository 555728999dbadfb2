/* Layers are images of 16-bit codes: what they stand for, and how they are drawn. */
"use strict";

const NO_DATA_GREY = 128;
const SOFT = 8;

function valueOf(code, image) {
  return image.sky + image.sigma * story.knee * Math.sinh((code - story.zero) / (story.steps * story.knee));
}

/* The codes of an image, decoded from its PNG once. */
function decode(image) {
  image.decoding ??= new Promise((resolve, reject) => {
    const picture = new Image();
    picture.onerror = () => reject(new Error("A picture of this page cannot be decoded."));
    picture.onload = () => {
      const canvas = document.createElement("canvas");
      image.columns = canvas.width = picture.naturalWidth;
      image.rows = canvas.height = picture.naturalHeight;
      const context = canvas.getContext("2d", { willReadFrequently: true });
      context.drawImage(picture, 0, 0);
      const bytes = context.getImageData(0, 0, canvas.width, canvas.height).data;
      const codes = new Uint16Array(canvas.width * canvas.height);
      for (let i = 0; i < codes.length; i++) codes[i] = 256 * bytes[4 * i] + bytes[4 * i + 1];
      image.codes = codes;
      image.png = null;
      resolve(image);
    };
    picture.src = "data:image/png;base64," + image.png;
  });
  return image.decoding;
}

/* The code at a pixel of the grid (column, row from the top); undefined outside, 0 for no data. */
function codeAt(image, column, row) {
  const i = Math.floor((column - image.x) / image.binning), j = Math.floor((row - image.y) / image.binning);
  return i >= 0 && j >= 0 && i < image.columns && j < image.rows ? image.codes?.[j * image.columns + i] : undefined;
}

const covers = (image, column, row) =>
  column >= image.x && column < image.x + image.width && row >= image.y && row < image.y + image.height;

/* The sharpest decoded image of a layer at a pixel of the grid. */
const sharpest = (layer, column, row) => layer.images.findLast((image) => image.codes && covers(image, column, row));

/* Black and white of a layer: from below the sky to nearly the brightest pixel in a box of the grid, so that
   stars are not saturated however far one zooms in. */
function limitsIn(layer, box, sharp) {
  const image = (sharp && sharpest(layer, box.x + box.width / 2, box.y + box.height / 2)) || layer.images[0];
  if (!image.codes) return null;
  const first = (start, from) => Math.max(Math.floor((start - from) / image.binning), 0);
  const last = (end, from, size) => Math.min(Math.ceil((end - from) / image.binning), size);
  const [left, right] = [first(box.x, image.x), last(box.x + box.width, image.x, image.columns)];
  const [top, bottom] = [first(box.y, image.y), last(box.y + box.height, image.y, image.rows)];
  const step = Math.max(1, Math.floor(Math.sqrt(((right - left) * (bottom - top)) / 60000)));
  const values = [];
  for (let j = top; j < bottom; j += step) {
    for (let i = left; i < right; i += step) {
      const code = image.codes[j * image.columns + i];
      if (code) values.push(code);
    }
  }
  values.sort((p, q) => p - q);
  const bright = values.length ? valueOf(values[Math.floor(0.999 * (values.length - 1))], image) : 0;
  const noise = image.sigma;
  return { low: image.sky - 2 * noise, high: Math.max(bright, image.sky + 12 * noise) };
}

/* Black stars on white: asinh between the limits; a deeper contrast saturates sooner. */
function paint(image, limits, depth) {
  const key = `${limits.low} ${limits.high} ${depth}`;
  if (!image.codes || !image.context || image.painted === key) return;
  image.painted = key;
  const span = (limits.high - limits.low) / 10 ** depth, top = Math.asinh(SOFT);
  const table = new Uint32Array(65536);
  const pixels = image.context.createImageData(image.columns, image.rows);
  const words = new Uint32Array(pixels.data.buffer);
  for (let i = 0; i < words.length; i++) {
    const code = image.codes[i];
    if (!table[code]) {
      const share = Math.min(Math.max((valueOf(code, image) - limits.low) / span, 0), 1);
      const level = code ? 255 - Math.round((255 * Math.asinh(SOFT * share)) / top) : NO_DATA_GREY;
      table[code] = (255 << 24) | (level << 16) | (level << 8) | level;
    }
    words[i] = table[code];
  }
  image.context.putImageData(pixels, 0, 0);
}
