/* Sorts the table of visits; what is blank comes last either way. */
"use strict";

const body = document.querySelector("#visits tbody");
const headings = [...document.querySelectorAll("#visits thead th[aria-sort]")];

function compare(p, q, numeric) {
  if (p === q) return 0;
  return numeric ? Number(p) - Number(q) : p.localeCompare(q);
}

function sortBy(heading) {
  const column = headings.indexOf(heading);
  const falling = heading.getAttribute("aria-sort") === "ascending";
  headings.forEach((one) => one.setAttribute("aria-sort", "none"));
  heading.setAttribute("aria-sort", falling ? "descending" : "ascending");
  const numeric = heading.classList.contains("n");
  const rows = [...body.rows].map((row) => ({ row, value: row.cells[column].dataset.sort }));
  const known = rows.filter((one) => one.value !== "").sort((a, b) => compare(a.value, b.value, numeric));
  const blank = rows.filter((one) => one.value === "");
  body.append(...[...(falling ? known.reverse() : known), ...blank].map((one) => one.row));
}

for (const heading of headings) heading.querySelector("button").addEventListener("click", () => sortBy(heading));
