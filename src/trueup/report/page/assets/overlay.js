/* What lies over the pictures: residual vectors, compass, scale bar. */
"use strict";

const VECTOR_PIXELS = 30;
const BAR_PIXELS = 140;

/* 1, 2 or 5 times a power of ten, not above a value. */
function round125(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * [5, 2, 1].find((step) => step * power <= value * 1.0001);
}

/* Long enough to be seen, and true to the scale of the picture where that makes them longer. */
function drawVectors(offsets, places, screenPerMas) {
  const canvas = element("vectors");
  const box = canvas.getBoundingClientRect();
  const ratio = window.devicePixelRatio || 1;
  canvas.width = box.width * ratio;
  canvas.height = box.height * ratio;
  element("scale-of-vectors").textContent = "";
  if (!offsets) return;
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  const lengths = offsets.stars.map((star) => Math.hypot(star[2], star[3])).sort((p, q) => p - q);
  const typical = lengths[Math.floor(lengths.length / 2)] || 1;
  const scale = Math.max(VECTOR_PIXELS / typical, screenPerMas);
  // a pale edge keeps the arrows apart from black stars
  for (const [width, color] of [[3.6, "#fff"], [1.6, "#be123c"]]) {
    context.lineWidth = width;
    context.strokeStyle = color;
    context.beginPath();
    for (const [x, y, east, north] of offsets.stars) arrow(context, places(x, y), stepOnGrid(x, y, east, north), Math.hypot(east, north) * scale);
    context.stroke();
  }
  const mas = round125(typical);
  const size = scale > screenPerMas ? `${(mas * scale).toFixed(0)} px on screen = ${Number(mas.toPrecision(1))} mas` : "true to scale";
  element("scale-of-vectors").textContent = `Vectors: ${offsets.title}, ${offsets.stars.length} stars; ${size}`;
}

function arrow(context, start, step, reach) {
  const length = Math.hypot(step.x, step.y);
  if (!length) return;
  const [ux, uy] = [step.x / length, -step.y / length];
  const end = { x: start.x + ux * reach, y: start.y + uy * reach };
  context.moveTo(start.x, start.y);
  context.lineTo(end.x, end.y);
  context.lineTo(end.x - 5 * ux + 3 * uy, end.y - 5 * uy - 3 * ux);
  context.moveTo(end.x, end.y);
  context.lineTo(end.x - 5 * ux - 3 * uy, end.y - 5 * uy + 3 * ux);
}

/* North and east at the middle of the grid; the viewer never turns. */
function drawCompass() {
  const [x, y] = [grid.nx / 2, grid.ny / 2];
  for (const [name, east, north] of [["n", 0, 1000], ["e", 1000, 0]]) {
    const step = stepOnGrid(x, y, east, north);
    const length = Math.hypot(step.x, step.y);
    const [ux, uy] = [step.x / length, -step.y / length];
    const line = element(`compass-${name}`);
    line.setAttribute("x2", (22 * ux).toFixed(2));
    line.setAttribute("y2", (22 * uy).toFixed(2));
    const letter = element(`compass-${name}-name`);
    letter.setAttribute("x", (31 * ux).toFixed(2));
    letter.setAttribute("y", (31 * uy).toFixed(2));
  }
}

function drawScale(screenPerPixel) {
  const mas = round125((BAR_PIXELS / screenPerPixel) * masPerPixel());
  element("bar").style.width = `${((mas / masPerPixel()) * screenPerPixel).toFixed(2)}px`;
  element("bar-length").textContent =
    mas >= 60000 ? `${Number((mas / 60000).toPrecision(2))}\u2032` : mas >= 1000 ? `${mas / 1000}\u2033` : `${mas} mas`;
}
