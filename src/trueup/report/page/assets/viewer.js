/* The before/after viewer: layers of one pixel grid, compared by curtain or blinking. */
"use strict";

const story = JSON.parse(document.getElementById("story").textContent);
const grid = story.grid;
const element = (id) => document.getElementById(id);
const state = { a: 0, b: 0, mode: "curtain", share: 0.5, shown: "a", vectors: false, black: -2, white: 60 };
const BLINK_MS = 700;
const DEG = Math.PI / 180;

/* --- pixels ------------------------------------------------------------------------------------- */

function valueOf(code, image) {
  return image.sky + image.sigma * story.knee * Math.sinh((code - story.zero) / (story.steps * story.knee));
}

/* The codes of an image, decoded from its PNG once. */
function decoded(image) {
  image.codes ??= new Promise((resolve, reject) => {
    const picture = new Image();
    picture.onerror = () => reject(new Error("a picture of the page cannot be decoded"));
    picture.onload = () => {
      const canvas = new OffscreenCanvas(picture.naturalWidth, picture.naturalHeight);
      const context = canvas.getContext("2d", { willReadFrequently: true });
      context.drawImage(picture, 0, 0);
      const bytes = context.getImageData(0, 0, canvas.width, canvas.height).data;
      const codes = new Uint16Array(canvas.width * canvas.height);
      for (let i = 0; i < codes.length; i++) codes[i] = 256 * bytes[4 * i] + bytes[4 * i + 1];
      image.columns = canvas.width;
      image.ready = codes;
      resolve(codes);
    };
    picture.src = "data:image/png;base64," + image.png;
  });
  return image.codes;
}

/* Black stars on white: asinh from `black` to `white` times the noise above the sky of the whole field. */
function greys(layer) {
  const { sky, sigma } = layer.images[0];
  const scale = sigma * layer.images[0].binning;
  const low = sky + state.black * scale, high = sky + state.white * scale;
  const soft = 6, top = Math.asinh(soft);
  return (value) => {
    const share = Math.min(Math.max((value - low) / (high - low), 0), 1);
    return 255 - Math.round((255 * Math.asinh(soft * share)) / top);
  };
}

async function drawn(image, layer) {
  const codes = await decoded(image);
  const grey = greys(layer);
  const table = new Map();
  const rows = codes.length / image.columns;
  const canvas = document.createElement("canvas");
  canvas.width = image.columns;
  canvas.height = rows;
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(image.columns, rows);
  const words = new Uint32Array(pixels.data.buffer);
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i];
    let word = table.get(code);
    if (word === undefined) {
      const level = code === 0 ? 128 : grey(valueOf(code, image));
      word = (255 << 24) | (level << 16) | (level << 8) | level;
      table.set(code, word);
    }
    words[i] = word;
  }
  context.putImageData(pixels, 0, 0);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  return URL.createObjectURL(blob);
}

/* --- sky ---------------------------------------------------------------------------------------- */

/* Pixels of the grid are 0-based, y up; the viewer's units are the width of the grid, y down. */
const toUnits = (x, y) => new OpenSeadragon.Point((x + 0.5) / grid.nx, (grid.ny - 0.5 - y) / grid.nx);
const toPixel = (point) => ({ x: point.x * grid.nx - 0.5, y: grid.ny - 0.5 - point.y * grid.nx });

function pixelToSky(x, y) {
  const dx = x - grid.crpix[0], dy = y - grid.crpix[1];
  const xi = (grid.cd[0][0] * dx + grid.cd[0][1] * dy) * DEG, eta = (grid.cd[1][0] * dx + grid.cd[1][1] * dy) * DEG;
  const dec0 = grid.crval[1] * DEG, cos = Math.cos(dec0), sin = Math.sin(dec0);
  const depth = cos - eta * sin;
  const ra = Math.atan2(xi, depth) / DEG + grid.crval[0];
  const dec = Math.atan2(sin + eta * cos, Math.hypot(xi, depth)) / DEG;
  return { ra: ((ra % 360) + 360) % 360, dec };
}

function skyToPixel(ra, dec) {
  const dec0 = grid.crval[1] * DEG, turn = (ra - grid.crval[0]) * DEG, d = dec * DEG;
  const depth = Math.sin(d) * Math.sin(dec0) + Math.cos(d) * Math.cos(dec0) * Math.cos(turn);
  const xi = (Math.cos(d) * Math.sin(turn)) / depth / DEG;
  const eta = (Math.sin(d) * Math.cos(dec0) - Math.cos(d) * Math.sin(dec0) * Math.cos(turn)) / depth / DEG;
  const [[a, b], [c, e]] = grid.cd, det = a * e - b * c;
  return { x: grid.crpix[0] + (e * xi - b * eta) / det, y: grid.crpix[1] + (a * eta - c * xi) / det };
}

function sexagesimal(value, digits, signed) {
  const unit = 10 ** digits;
  let ticks = Math.round(Math.abs(value) * 3600 * unit);
  const seconds = (ticks % (60 * unit)) / unit;
  ticks = Math.floor(ticks / (60 * unit));
  const two = (n) => String(n).padStart(2, "0");
  const sign = signed ? (value < 0 ? "\u2212" : "+") : "";
  return `${sign}${two(Math.floor(ticks / 60))}:${two(ticks % 60)}:${seconds.toFixed(digits).padStart(digits + 3, "0")}`;
}

/* --- viewer ------------------------------------------------------------------------------------- */

const viewer = OpenSeadragon({
  element: element("sky"),
  drawer: "canvas",
  showNavigationControl: false,
  imageSmoothingEnabled: false,
  maxZoomPixelRatio: 40,
  visibilityRatio: 0.5,
  animationTime: 0.25,
  gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
  gestureSettingsTouch: { clickToZoom: false },
});

/* Puts the images of a layer into the viewer, once per stretch. */
function loaded(layer) {
  layer.items ??= Promise.all(
    layer.images.map(async (image) => {
      const url = await drawn(image, layer);
      return new Promise((resolve, reject) => {
        viewer.addTiledImage({
          tileSource: { type: "image", url, buildPyramid: image.binning > 1 || layer.images.length === 1 },
          x: image.x / grid.nx,
          y: image.y / grid.nx,
          width: image.width / grid.nx,
          opacity: 0,
          success: ({ item }) => resolve(item),
          error: ({ message }) => reject(new Error(message)),
        });
      });
    }),
  );
  return layer.items;
}

async function show() {
  const [a, b] = [story.layers[state.a], story.layers[state.b]];
  const [below, above] = [await loaded(a), await loaded(b)];
  if (state.mode === "curtain") above.forEach((item) => viewer.world.setItemIndex(item, viewer.world.getItemCount() - 1));
  const single = { a: below, b: above, blink: state.shown === "a" ? below : above }[state.mode];
  state.below = single ?? below;
  state.above = single || a === b ? [] : above;
  for (const layer of story.layers) {
    for (const item of layer.items ? await layer.items : []) {
      if (!state.below.includes(item) && !state.above.includes(item)) item.setOpacity(0);
    }
  }
  arrange();
  label();
}

/* The curtain stays where it is on the screen: what it uncovers follows pan and zoom. Cut-outs at full
   resolution show once their pixels are no smaller than half a pixel of the screen. */
function arrange() {
  const width = element("sky").clientWidth;
  element("curtain").style.left = `${state.share * width}px`;
  const edge = viewer.viewport.viewerElementToViewportCoordinates(new OpenSeadragon.Point(state.share * width, 0)).x;
  const close = (viewer.viewport.getZoom(true) * width) / grid.nx >= 0.5;
  const shown = (index) => (index === 0 || close ? 1 : 0);
  (state.below ?? []).forEach((item, index) => {
    item.setClip(null);
    item.setOpacity(shown(index));
  });
  (state.above ?? []).forEach((item, index) => {
    const size = item.getContentSize();
    const bounds = item.getBounds(true);
    const left = Math.min(Math.max(((edge - bounds.x) / bounds.width) * size.x, 0), size.x);
    item.setClip(new OpenSeadragon.Rect(left, 0, Math.max(size.x - left, 0), size.y));
    item.setOpacity(left < size.x ? shown(index) : 0);
  });
}

function label() {
  const text = (index) => {
    const layer = story.layers[index];
    return `${layer.label}<small>${layer.wcsname || "no WCSNAME"}</small>`;
  };
  const single = state.mode === "a" || state.mode === "b" || state.mode === "blink";
  const now = state.mode === "b" || (state.mode === "blink" && state.shown === "b") ? state.b : state.a;
  element("tag-a").innerHTML = text(single ? now : state.a);
  element("tag-b").innerHTML = single ? "" : text(state.b);
  element("tag-b").hidden = single;
  element("curtain").hidden = state.mode !== "curtain";
  for (const button of document.querySelectorAll("[data-mode]")) {
    button.setAttribute("aria-pressed", String(button.dataset.mode === state.mode));
  }
  element("show-vectors").setAttribute("aria-pressed", String(state.vectors));
  element("layer-a").value = state.a;
  element("layer-b").value = state.b;
  for (const button of document.querySelectorAll("[data-a]")) {
    button.setAttribute("aria-pressed", String(+button.dataset.a === state.a && +button.dataset.b === state.b));
  }
  document.body.dataset.mode = state.mode;
  document.body.dataset.shown = state.mode === "blink" ? state.shown : "";
}

/* --- vectors ------------------------------------------------------------------------------------ */

/* The measured offsets of the pair of layers on screen, else none. */
function vectorsShown() {
  const [a, b] = [story.layers[state.a], story.layers[state.b]];
  const fits = (o) => (o.a === a.filter && o.b === b.filter) || (o.a === b.filter && o.b === a.filter);
  return story.vectors.find((o) => fits(o) && o.when === b.when) ?? story.vectors.find((o) => o.when === b.when) ?? story.vectors[0];
}

function drawVectors() {
  const canvas = element("vectors");
  const box = canvas.getBoundingClientRect();
  const ratio = window.devicePixelRatio || 1;
  canvas.width = box.width * ratio;
  canvas.height = box.height * ratio;
  const offsets = state.vectors ? vectorsShown() : null;
  element("scale-of-vectors").textContent = "";
  if (!offsets) return;
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  context.lineWidth = 1.6;
  context.strokeStyle = "#e11d48";
  const lengths = offsets.stars.map((s) => Math.hypot(s[2], s[3])).sort((p, q) => p - q);
  const typical = lengths[Math.floor(lengths.length / 2)] || 1;
  const mas = 10 ** Math.floor(Math.log10(typical));
  const perMas = 30 / typical;
  for (const [x, y, east, north] of offsets.stars) {
    const sky = pixelToSky(x, y);
    const tip = skyToPixel(sky.ra + east / 3.6e6 / Math.cos(sky.dec * DEG), sky.dec + north / 3.6e6);
    const start = viewer.viewport.viewportToViewerElementCoordinates(toUnits(x, y));
    const length = Math.hypot(tip.x - x, tip.y - y) || 1;
    const reach = Math.hypot(east, north) * perMas;
    const [ux, uy] = [(tip.x - x) / length, -(tip.y - y) / length];
    const end = { x: start.x + ux * reach, y: start.y + uy * reach };
    context.beginPath();
    context.moveTo(start.x, start.y);
    context.lineTo(end.x, end.y);
    context.lineTo(end.x - 5 * ux + 3 * uy, end.y - 5 * uy - 3 * ux);
    context.moveTo(end.x, end.y);
    context.lineTo(end.x - 5 * ux - 3 * uy, end.y - 5 * uy + 3 * ux);
    context.stroke();
  }
  const about = mas >= 1 ? mas.toFixed(0) : mas.toPrecision(1);
  element("scale-of-vectors").textContent =
    `Vectors: ${offsets.b} minus ${offsets.a}, ${offsets.when}, ${offsets.stars.length} stars; ${(mas * perMas).toFixed(0)} px on screen = ${about} mas`;
}

/* --- what the user does ------------------------------------------------------------------------- */

function setMode(mode) {
  state.mode = mode;
  state.shown = "a";
  return show().then(drawVectors);
}

function setPair(a, b) {
  state.a = a;
  state.b = b;
  return show().then(drawVectors);
}

function setShare(share) {
  state.share = Math.min(Math.max(share, 0), 1);
  element("curtain").setAttribute("aria-valuenow", String(Math.round(100 * state.share)));
  arrange();
}

function goTo(star, pixels) {
  const at = skyToPixel(star[0], star[1]);
  const middle = toUnits(at.x, at.y);
  const half = pixels / grid.nx;
  viewer.viewport.fitBounds(new OpenSeadragon.Rect(middle.x - half, middle.y - half, 2 * half, 2 * half));
}

function jump() {
  const star = vectorsShown()?.star ?? story.star;
  if (star) goTo(star, 24);
}

async function restretch(white) {
  state.white = white;
  for (const layer of story.layers) {
    if (!layer.items) continue;
    for (const item of await layer.items) viewer.world.removeItem(item);
    layer.items = undefined;
  }
  await show();
}

function readout(position) {
  const point = viewer.viewport.viewerElementToViewportCoordinates(position);
  const { x, y } = toPixel(point);
  const sky = pixelToSky(x, y);
  element("radec").textContent = `RA ${sexagesimal(sky.ra / 15, 4, false)}  Dec ${sexagesimal(sky.dec, 3, true)}`;
  element("radec").dataset.ra = sky.ra.toFixed(9);
  element("radec").dataset.dec = sky.dec.toFixed(9);
  element("pixel").textContent = `x ${(x + 1).toFixed(1)}  y ${(y + 1).toFixed(1)}`;
  const seen = position.x / element("sky").clientWidth < state.share ? state.a : state.b;
  const layer = story.layers[{ a: state.a, b: state.b, blink: state.shown === "a" ? state.a : state.b, curtain: seen }[state.mode]];
  const column = Math.round(x), row = grid.ny - 1 - Math.round(y);
  const inside = ({ x: left, y: top, width, height }) => column >= left && column < left + width && row >= top && row < top + height;
  const best = layer.images.findLast(inside);
  const at = (from, value) => Math.floor((value - from) / best.binning);
  const code = best?.ready?.[at(best.y, row) * best.columns + at(best.x, column)];
  const averaged = best && best.binning > 1 ? ` (mean of ${best.binning} \u00d7 ${best.binning})` : "";
  element("value").textContent = code ? `${layer.filter} ${layer.when}: ${valueOf(code, best).toPrecision(4)} ${layer.unit}${averaged}` : "no data";
}

function start() {
  for (const select of [element("layer-a"), element("layer-b")]) {
    story.layers.forEach((layer, i) => select.add(new Option(layer.label, i)));
    select.addEventListener("change", () => setPair(+element("layer-a").value, +element("layer-b").value));
  }
  for (const button of document.querySelectorAll("[data-a]")) {
    button.addEventListener("click", () => setPair(+button.dataset.a, +button.dataset.b));
  }
  for (const button of document.querySelectorAll("[data-mode]")) {
    button.addEventListener("click", () => setMode(button.dataset.mode));
  }
  element("show-vectors").addEventListener("click", () => { state.vectors = !state.vectors; label(); drawVectors(); });
  element("jump").addEventListener("click", jump);
  element("home").addEventListener("click", () => viewer.viewport.goHome());
  element("stretch").addEventListener("change", (event) => restretch(10 ** event.target.value));

  const curtain = element("curtain");
  curtain.addEventListener("pointerdown", (event) => curtain.setPointerCapture(event.pointerId));
  curtain.addEventListener("pointermove", (event) => {
    if (!curtain.hasPointerCapture(event.pointerId)) return;
    const stage = element("sky").getBoundingClientRect();
    setShare((event.clientX - stage.left) / stage.width);
  });
  curtain.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -0.02, ArrowRight: 0.02 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    setShare(state.share + step);
  });

  const keys = {
    b: () => setMode(state.mode === "blink" ? "curtain" : "blink"),
    c: () => setMode("curtain"),
    1: () => setMode("a"),
    2: () => setMode("b"),
    v: () => element("show-vectors").click(),
    j: jump,
    0: () => viewer.viewport.goHome(),
    "+": () => viewer.viewport.zoomBy(1.5),
    "=": () => viewer.viewport.zoomBy(1.5),
    "-": () => viewer.viewport.zoomBy(1 / 1.5),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
    const act = keys[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    act();
  });

  viewer.addHandler("update-viewport", () => { arrange(); drawVectors(); });
  viewer.addHandler("resize", () => { arrange(); drawVectors(); });
  new OpenSeadragon.MouseTracker({
    element: element("sky"),
    moveHandler: (event) => readout(event.position),
  });
  setInterval(() => {
    if (state.mode !== "blink" || document.hidden) return;
    state.shown = state.shown === "a" ? "b" : "a";
    show();
  }, BLINK_MS);

  const first = story.presets[0] ?? [0, Math.min(1, story.layers.length - 1)];
  setPair(first[0], first[1]).then(() => {
    viewer.viewport.goHome(true);
    document.body.dataset.ready = "yes";
  });
}

if (grid && story.layers.length) start();
