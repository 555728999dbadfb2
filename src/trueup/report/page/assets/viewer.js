/* The before/after viewer: two layers of one pixel grid, compared by curtain or blinking. */
"use strict";

const element = (id) => document.getElementById(id);
const alone = story.layers.length === 1;
const state = { a: 0, b: 0, mode: alone ? "a" : "curtain", share: 0.5, shown: "a", vectors: false, depth: 0, limits: {}, pointer: null };
const BLINK_MS = 700;
const STAR_PIXELS = 12;
const still = matchMedia("(prefers-reduced-motion: reduce)");

const viewer = OpenSeadragon({
  element: element("sky"),
  drawer: "canvas",
  showNavigationControl: false,
  maxZoomPixelRatio: 60,
  visibilityRatio: 0.5,
  animationTime: still.matches ? 0 : 0.25,
  gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
  gestureSettingsTouch: { clickToZoom: false },
});

/* --- layers ------------------------------------------------------------------------------------- */

/* An image as one tile, whose canvas is painted again when the contrast changes. */
function source(image, layer) {
  const [width, height] = [image.width / image.binning, image.height / image.binning];
  const name = `${story.layers.indexOf(layer)}-${layer.images.indexOf(image)}`;
  return {
    width,
    height,
    tileWidth: width,
    tileHeight: height,
    minLevel: 0,
    maxLevel: 0,
    getTileUrl: () => name,
    hasTransparency: () => false,
    downloadTileStart: (job) =>
      decode(image).then(
        () => {
          const canvas = document.createElement("canvas");
          canvas.width = width;
          canvas.height = height;
          image.context = canvas.getContext("2d");
          image.painted = "";
          stretch();
          job.finish(image.context, null, "context2d");
        },
        (error) => { job.fail(error.message); complain(error); },
      ),
    downloadTileAbort: () => {},
  };
}

/* The images of a layer in the viewer, the binned one below the others. */
function loaded(layer) {
  layer.items ??= Promise.all(
    layer.images.map((image) => new Promise((resolve, reject) => {
      viewer.addTiledImage({
        tileSource: source(image, layer),
        x: image.x / grid.nx,
        y: image.y / grid.nx,
        width: image.width / grid.nx,
        opacity: 0,
        success: ({ item }) => resolve(Object.assign(item, { image })),
        error: ({ message }) => reject(new Error(message)),
      });
    })),
  );
  return layer.items;
}

function complain(error) {
  element("loading").textContent = error.message;
  element("loading").hidden = false;
}

async function show() {
  const [a, b] = [story.layers[state.a], story.layers[state.b]];
  const [below, above] = [await loaded(a), await loaded(b)];
  // another choice may have been made meanwhile
  if (a !== story.layers[state.a] || b !== story.layers[state.b]) return;
  if (a !== b) above.forEach((item) => viewer.world.setItemIndex(item, viewer.world.getItemCount() - 1));
  Object.assign(state, { below, above: a === b ? [] : above });
  for (const layer of story.layers) {
    for (const item of layer.items ? await layer.items : []) {
      if (!state.below.includes(item) && !state.above.includes(item)) reveal(item, false);
    }
  }
  await Promise.all([decode(a.images[0]), decode(b.images[0])]);
  stretch();
  label();
}

function reveal(item, shown) {
  if (item.getOpacity() !== +shown) item.setOpacity(+shown);
  if (item.getPreload() !== shown) item.setPreload(shown);
}

/* Hides what lies left of a column of the image. */
function clip(item, left) {
  if (item.clippedAt === left) return;
  item.clippedAt = left;
  const size = item.getContentSize();
  item.setClip(left > 0 ? new OpenSeadragon.Rect(left, 0, Math.max(size.x - left, 0), size.y) : null);
}

const screenPerPixel = () => (viewer.viewport.getZoom(true) * element("sky").clientWidth) / grid.nx;

/* Cut-outs at full resolution show once their pixels are no smaller than half a pixel of the screen. */
const close = () => screenPerPixel() >= 0.5;

/* The curtain stays where it is on the screen: what it uncovers follows pan and zoom. */
function arrange() {
  if (!state.below) return;
  const width = element("sky").clientWidth;
  element("curtain").style.left = `${state.share * width}px`;
  const edge = viewer.viewport.viewerElementToViewportCoordinates(new OpenSeadragon.Point(state.share * width, 0)).x;
  const aboveShown = state.mode === "curtain" || state.mode === "b" || (state.mode === "blink" && state.shown === "b");
  const sharp = close();
  viewer.drawer.setImageSmoothingEnabled(screenPerPixel() < 2);
  state.below.forEach((item, index) => {
    reveal(item, index === 0 || sharp);
    clip(item, 0);
  });
  state.above.forEach((item, index) => {
    const bounds = item.getBoundsNoRotate(true), columns = item.getContentSize().x;
    const left = state.mode === "curtain" ? ((edge - bounds.x) / bounds.width) * columns : 0;
    clip(item, Math.min(Math.max(left, 0), columns));
    reveal(item, aboveShown && left < columns && (index === 0 || sharp));
  });
  paintShown();
}

function paintShown() {
  for (const item of [...state.below, ...state.above]) {
    const limits = state.limits[story.layers.find((layer) => layer.images.includes(item.image)).filter];
    if (limits && item.getOpacity()) paint(item.image, limits, state.depth);
  }
}

/* The contrast follows what is in view, alike for both pictures of a filter. */
function stretch() {
  if (!state.below) return;
  const view = viewer.viewport.getBounds(true);
  const corner = { x: view.x * grid.nx, y: view.y * grid.nx };
  const box = { ...corner, width: view.width * grid.nx, height: view.height * grid.nx };
  state.limits = {};
  for (const layer of new Set([story.layers[state.a], story.layers[state.b]])) {
    const found = limitsIn(layer, box, close());
    const known = state.limits[layer.filter];
    if (!found) continue;
    state.limits[layer.filter] = known
      ? { low: Math.min(known.low, found.low), high: Math.max(known.high, found.high) }
      : found;
  }
  arrange();
  viewer.forceRedraw();
}

/* --- words -------------------------------------------------------------------------------------- */

function tag(place, layer) {
  const name = document.createElement("small");
  name.textContent = layer.wcsname || "no WCSNAME";
  element(place).replaceChildren(layer.label, name);
}

function label() {
  const single = state.mode !== "curtain";
  const seen = state.mode === "b" || (state.mode === "blink" && state.shown === "b") ? state.b : state.a;
  tag("tag-a", story.layers[single ? seen : state.a]);
  tag("tag-b", story.layers[state.b]);
  element("tag-b").hidden = single;
  element("curtain").hidden = single;
  for (const button of document.querySelectorAll("[data-mode]")) {
    button.setAttribute("aria-pressed", String(button.dataset.mode === state.mode));
  }
  for (const button of document.querySelectorAll("[data-a]")) {
    button.setAttribute("aria-pressed", String(+button.dataset.a === state.a && +button.dataset.b === state.b));
  }
  element("show-vectors")?.setAttribute("aria-pressed", String(state.vectors));
  element("layer-a").value = state.a;
  element("layer-b").value = state.b;
  document.body.dataset.shown = state.mode === "blink" ? state.shown : state.mode;
  readout();
}

/* The measured offsets of the pair of layers on screen, else of the time of the right one, else any. */
function vectorsShown() {
  const [a, b] = [story.layers[state.a], story.layers[state.b]];
  const names = [a.filter, b.filter];
  const offsets = story.vectors;
  return (
    offsets.find((o) => names.includes(o.a) && names.includes(o.b) && a !== b && o.when === b.when) ??
    offsets.find((o) => names.includes(o.b) && o.when === b.when) ??
    offsets.find((o) => o.when === b.when) ??
    offsets[0]
  );
}

function annotate() {
  const places = (x, y) => viewer.viewport.viewportToViewerElementCoordinates(toUnits(x, y));
  drawVectors(state.vectors ? vectorsShown() : null, places, screenPerPixel() / masPerPixel());
  drawScale(screenPerPixel());
  readout();
}

function layerAt(position) {
  const right = position.x / element("sky").clientWidth >= state.share;
  const second = { a: false, b: true, blink: state.shown === "b", curtain: right }[state.mode];
  return story.layers[second ? state.b : state.a];
}

/* What is under the pointer, which may rest while the picture moves or changes. */
function readout() {
  if (!state.pointer) return;
  const position = state.pointer;
  const { x, y } = toPixel(viewer.viewport.viewerElementToViewportCoordinates(position));
  const sky = pixelToSky(x, y);
  const radec = element("radec");
  radec.textContent = `RA ${rightAscension(sky.ra)}  Dec ${declination(sky.dec)}`;
  radec.dataset.ra = sky.ra.toFixed(10);
  radec.dataset.dec = sky.dec.toFixed(10);
  element("pixel").textContent = `x ${(x + 1).toFixed(1)}  y ${(y + 1).toFixed(1)}`;
  const layer = layerAt(position);
  const column = Math.round(x), row = grid.ny - 1 - Math.round(y);
  const image = sharpest(layer, column, row);
  const code = image && codeAt(image, column, row);
  const averaged = image?.binning > 1 ? ` (mean of ${image.binning} \u00d7 ${image.binning})` : "";
  element("value").textContent = code
    ? `${layer.label}: ${valueOf(code, image).toPrecision(4)} ${layer.unit}${averaged}`
    : `${layer.label}: no data`;
}

/* --- what the user does ------------------------------------------------------------------------- */

function setMode(mode) {
  if (alone) return;
  Object.assign(state, { mode, shown: "a" });
  arrange();
  label();
}

function flip() {
  state.shown = state.shown === "a" ? "b" : "a";
  arrange();
  label();
}

/* Who prefers no motion blinks by hand. */
function blink() {
  if (state.mode !== "blink") setMode("blink");
  else if (still.matches) flip();
  else setMode("curtain");
}

function setPair(a, b) {
  Object.assign(state, { a, b });
  return show().then(annotate, complain);
}

function setShare(share) {
  state.share = Math.min(Math.max(share, 0), 1);
  element("curtain").setAttribute("aria-valuenow", String(Math.round(100 * state.share)));
  arrange();
}

function toggleVectors() {
  state.vectors = !state.vectors;
  label();
  annotate();
}

function jump() {
  const star = vectorsShown()?.star ?? story.star;
  if (!star) return;
  const at = skyToPixel(star[0], star[1]);
  const middle = toUnits(at.x, at.y), half = STAR_PIXELS / grid.nx;
  viewer.viewport.fitBounds(new OpenSeadragon.Rect(middle.x - half, middle.y - half, 2 * half, 2 * half));
}

const home = () => viewer.viewport.goHome();
const zoom = (factor) => viewer.viewport.zoomBy(factor);

const KEYS = {
  b: blink,
  c: () => setMode("curtain"),
  1: () => setMode("a"),
  2: () => setMode("b"),
  v: toggleVectors,
  j: jump,
  0: home,
  "+": () => zoom(1.5),
  "=": () => zoom(1.5),
  "-": () => zoom(1 / 1.5),
};

function listenToButtons() {
  for (const select of [element("layer-a"), element("layer-b")]) {
    story.layers.forEach((layer, i) => select.add(new Option(layer.label, i)));
    select.addEventListener("change", () => setPair(+element("layer-a").value, +element("layer-b").value));
  }
  for (const button of document.querySelectorAll("[data-a]")) {
    button.addEventListener("click", () => setPair(+button.dataset.a, +button.dataset.b));
  }
  for (const button of document.querySelectorAll("[data-mode]")) {
    button.addEventListener("click", () => (button.dataset.mode === "blink" ? blink() : setMode(button.dataset.mode)));
  }
  element("show-vectors")?.addEventListener("click", toggleVectors);
  element("jump")?.addEventListener("click", jump);
  element("home").addEventListener("click", home);
  element("depth").addEventListener("input", (event) => {
    state.depth = +event.target.value;
    paintShown();
    viewer.forceRedraw();
  });
}

function listenToCurtain() {
  const curtain = element("curtain");
  curtain.addEventListener("pointerdown", (event) => curtain.setPointerCapture(event.pointerId));
  curtain.addEventListener("pointermove", (event) => {
    if (!curtain.hasPointerCapture(event.pointerId)) return;
    const stage = element("sky").getBoundingClientRect();
    setShare((event.clientX - stage.left) / stage.width);
  });
  curtain.addEventListener("keydown", (event) => {
    const share = { ArrowLeft: state.share - 0.02, ArrowRight: state.share + 0.02, Home: 0, End: 1 }[event.key];
    if (share === undefined) return;
    event.preventDefault();
    setShare(share);
  });
}

function listenToKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
    const act = KEYS[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    act();
  });
  // of the viewer's own keys only the arrows: turning or mirroring the sky would mislead
  viewer.addHandler("canvas-key", (event) => {
    event.preventDefaultAction = !event.originalEvent.key.startsWith("Arrow");
  });
}

function listenToViewer() {
  viewer.canvas.setAttribute("role", "application");
  viewer.canvas.setAttribute("aria-label", element("sky").getAttribute("aria-label"));
  viewer.addHandler("update-viewport", () => { arrange(); annotate(); });
  viewer.addHandler("resize", () => { arrange(); annotate(); });
  viewer.addHandler("animation-finish", stretch);
  new OpenSeadragon.MouseTracker({ element: element("sky"), moveHandler: ({ position }) => { state.pointer = position; readout(); } });
  setInterval(() => {
    if (state.mode === "blink" && !document.hidden && !still.matches) flip();
  }, BLINK_MS);
}

function start() {
  listenToButtons();
  listenToCurtain();
  listenToKeys();
  listenToViewer();
  drawCompass();
  const first = story.presets[0] ?? [0, Math.min(1, story.layers.length - 1)];
  setPair(first[0], first[1]).then(() => {
    viewer.viewport.goHome(true);
    stretch();
    element("loading").hidden = true;
    document.body.dataset.ready = "yes";
  });
}

start();
