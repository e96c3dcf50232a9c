// The choropleth of more cells than a page can hold, and the list of the lowest: shapes from tiles,
// figures in one piece.

import { byTouch, card, element, POPUP } from "./map.js";
import { Areas } from "./tiles.js";

const PATIENCE = 3000; // milliseconds for which the list waits for the map
const CLOSE = 10.5; // the zoom from which areas are large enough for lines between them

/** One decimal of `n` >= 0. Of two that are as near Python takes the even one, toFixed the larger. */
const tenths = (n) => (n % 1 === 0.25 ? n - 0.05 : n).toFixed(1);

/** A share in per cent, as maps/bands.py writes it: exact at both ends, never rounded to them. */
function percent(met, of) {
  if (!met || met === of) return met ? "100 %" : "0 %";
  return `${tenths(Math.min(99.9, Math.max(0.1, met * 100 / of)))} %`; // dividing last, so that halves are exact
}

const figures = ([, part, whole]) => `${part.toLocaleString("en")} / ${whole.toLocaleString("en")}`;

const shareClass = ([, part, whole], n) => (whole ? Math.min(Math.floor(part * n / whole), n - 1) : null);

/** By how many points a share has changed, or null where either has no data. */
function change([, part, whole, partBefore, wholeBefore]) {
  return whole && wholeBefore ? 100 * (part / whole - partBefore / wholeBefore) : null;
}

/** The class of a change; as in maps/bands.py, an edge belongs to the class farther from none. */
function changeClass(row, lows) {
  const by = change(row);
  if (by === null) return null;
  const rounded = Number(by.toFixed(6)), middle = (lows.length - 1) / 2;
  const fall = lows.slice(1, middle + 1).findIndex((high) => rounded <= high);
  if (fall >= 0) return fall;
  const rise = lows.findLastIndex((low, n) => n > middle && rounded >= low);
  return rise >= 0 ? rise : middle;
}

function points(row) {
  const by = change(row);
  return by === null ? "–" : `${by < 0 ? "−" : "+"}${tenths(Math.abs(by))}`;
}

/** The lowest areas, or those that fell most, first; without data last. */
function lowest(areas, changed) {
  const value = changed ? change : ([, part, whole]) => (whole ? part / whole : null);
  const valued = Object.entries(areas).map(([id, row]) => [value(row) ?? Infinity, id]);
  return valued.sort(([a], [b]) => (a === b ? 0 : a - b)).map(([, id]) => id);
}

/** A row of the table, of what the page keeps as its pattern. */
function line(pattern, row, village, href, said) {
  const [name, part, whole] = row, made = pattern.cloneNode(true);
  const [area, , count] = made.children, bar = made.querySelector(".share-bar");
  area.firstChild.data = name;
  if (village) area.lastChild.textContent = village;
  else area.replaceChildren(name);
  bar.classList.toggle("share-bar-none", !whole);
  bar.querySelector(".number").textContent = whole ? percent(part, whole) : said.words.none;
  bar.style.setProperty("--swatch", whole ? said.shares[shareClass(row, said.shares.length)] : "");
  const fill = bar.querySelector(".share-bar-fill"), note = bar.nextElementSibling;
  if (part) fill.style.width = `${(100 * part / whole).toFixed(2)}%`;
  else fill.remove();
  if (said.changes) note.textContent = note.textContent.replace("{n}", points(row));
  count.firstChild.data = figures(row);
  const link = count.querySelector("a");
  if (href && part < whole) {
    link.href = href;
    link.textContent = link.textContent.replace("{n}", (whole - part).toLocaleString("en"));
  } else {
    link.previousElementSibling.remove();
    link.remove();
  }
  return made;
}

/** Colour the cells of `map` by share met; `said` is what maps/draw.py says. */
export async function cover(map, said) {
  let found = null;
  const colours = said.changes ?? said.shares;
  const village = (id) => found.villages[id.slice(0, 12)] ?? "";

  /** The address of the cases in a cell, where the reader may open them. */
  const opens = (id) => (found.cases && (!found.own || found.own.has(id)) ? found.cases.replace("{code}", id) : null);

  // Far away white lines would outweigh the small areas between them.
  const edge = (fill) => (map.getZoom() < CLOSE ? { line: fill, width: 0.75 } : { line: "#ffffff" });

  function paint(id) {
    const row = found?.areas[id];
    if (!row) return found ? null : { line: "#b9b6a8" };
    const n = said.changes ? changeClass(row, said.steps) : shareClass(row, colours.length);
    if (n === null) return { fill: "hatch", ...edge("#77808a") };
    return { fill: colours[n], ...edge(colours[n]) };
  }

  function told(id) {
    const row = found.areas[id], [name, part, whole, partBefore, wholeBefore] = row;
    const values = [whole ? percent(part, whole) : said.words.none, figures(row)];
    if (said.changes) {
      values.push(wholeBefore ? percent(partBefore, wholeBefore) : said.words.none, points(row));
    }
    return { title: `${village(id)} ${name}`.trim(), values, href: opens(id) };
  }

  const words = said.words.values;
  const tip = L.tooltip({ className: "map-tip", direction: "auto", offset: [14, 0] });
  const [west, south, east, north] = said.within ?? [-180, -90, 180, 90];
  const cells = new Areas(said.tiles, "cells", {
    paint,
    bounds: L.latLngBounds([south, west], [north, east]).pad(0.02), // outlines are rough
    onHover(id, _properties, event) {
      if (byTouch || !id || !found) tip.remove();
      else tip.setLatLng(event.latlng).setContent(card(told(id), words)).addTo(map);
    },
    onPick(id, _properties, event) {
      if (!found) return;
      if (byTouch) L.popup(POPUP).setLatLng(event.latlng).setContent(card(told(id), words, said.words.open)).openOn(map);
      else if (opens(id)) window.location.assign(opens(id));
    },
  }).addTo(map);

  const pattern = document.querySelector("table.rows template");
  const rows = pattern.parentElement;
  try {
    const answer = await fetch(said.figures);  // asked already by the page, in just these words
    if (!answer.ok) throw new Error(answer.status);
    const given = await answer.json();
    found = { ...given, own: given.own && new Set(given.own) };
    cells.repaint();
  } catch {
    map.getContainer().append(element("p", "notice notice-error map-failed", said.words.failed));
    rows.querySelector("td").textContent = said.words.failed;
    return;
  }
  // Rows take a browser as long as the map, which comes first. But not where its tiles hang, or were
  // left behind by whoever moved the map: then nobody says that they have come.
  if (cells.isLoading()) {
    await new Promise((done) => { cells.once("load", done); setTimeout(done, PATIENCE); });
  }
  await new Promise((done) => { setTimeout(done); });
  const listed = lowest(found.areas, said.changes).slice(0, said.listed);
  rows.replaceChildren(...listed.map(
    (id) => line(pattern.content.firstElementChild, found.areas[id], village(id), opens(id), said)));
}
