/* The pixel grid that all layers share, and where it is on the sky. */
"use strict";

const story = JSON.parse(document.getElementById("story").textContent);
const grid = story.grid;
const DEG = Math.PI / 180;

/* Pixels of the grid are 0-based, y up; the viewer's units are the width of the grid, y down. */
const toUnits = (x, y) => new OpenSeadragon.Point((x + 0.5) / grid.nx, (grid.ny - 0.5 - y) / grid.nx);
const toPixel = (point) => ({ x: point.x * grid.nx - 0.5, y: grid.ny - 0.5 - point.y * grid.nx });

function pixelToSky(x, y) {
  const dx = x - grid.crpix[0], dy = y - grid.crpix[1];
  const xi = (grid.cd[0][0] * dx + grid.cd[0][1] * dy) * DEG;
  const eta = (grid.cd[1][0] * dx + grid.cd[1][1] * dy) * DEG;
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

/* The step on the grid towards an offset on the sky, in pixels. */
function stepOnGrid(x, y, eastMas, northMas) {
  const { ra, dec } = pixelToSky(x, y);
  const tip = skyToPixel(ra + eastMas / 3.6e6 / Math.cos(dec * DEG), dec + northMas / 3.6e6);
  return { x: tip.x - x, y: tip.y - y };
}

const masPerPixel = () => 3.6e6 * Math.sqrt(Math.abs(grid.cd[0][0] * grid.cd[1][1] - grid.cd[0][1] * grid.cd[1][0]));

function sexagesimal(value, digits, sign = "") {
  const unit = 10 ** digits;
  const ticks = Math.round(Math.abs(value) * 3600 * unit);
  const seconds = ((ticks % (60 * unit)) / unit).toFixed(digits).padStart(digits + 3, "0");
  const minutes = Math.floor(ticks / (60 * unit));
  const two = (n) => String(n).padStart(2, "0");
  return `${sign}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}:${seconds}`;
}

const rightAscension = (ra) => sexagesimal(ra / 15, 4).replace(/^24/, "00");
const declination = (dec) => sexagesimal(dec, 3, dec < 0 ? "\u2212" : "+");
