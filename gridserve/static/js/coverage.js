// The choropleth of more cells than a page can hold: shapes from tiles, figures in one piece.

import { byTouch, card, element, POPUP } from "./map.js";
import { Areas } from "./tiles.js";

const CLOSE = 10.5; // the zoom from which areas are large enough for lines between them

/** A share in per cent, as maps/bands.py writes it: exact at both ends, never rounded to them. */
function percent(met, of) {
  if (!met || met === of) return met ? "100 %" : "0 %";
  return `${Math.min(99.9, Math.max(0.1, met / of * 100)).toFixed(1)} %`;
}

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
  return by === null ? "–" : `${by < 0 ? "−" : "+"}${Math.abs(by).toFixed(1)}`;
}

/** Colour the cells of `map` by share met; `said` is what maps/draw.py says. */
export async function cover(map, said) {
  let areas = null, opens = () => null;

  // Far away white lines would outweigh the small areas between them.
  const edge = (fill) => (map.getZoom() < CLOSE ? { line: fill, width: 0.75 } : { line: "#ffffff" });

  function paint(id) {
    const row = areas?.[id];
    if (!row) return areas ? null : { line: "#b9b6a8" };
    const n = said.steps ? changeClass(row, said.steps) : shareClass(row, said.colours.length);
    if (n === null) return { fill: "hatch", ...edge("#77808a") };
    return { fill: said.colours[n], ...edge(said.colours[n]) };
  }

  function told(id) {
    const [name, part, whole, partBefore, wholeBefore] = areas[id];
    const values = [whole ? percent(part, whole) : said.words.none,
      `${part.toLocaleString("en")} / ${whole.toLocaleString("en")}`];
    if (said.steps) {
      values.push(wholeBefore ? percent(partBefore, wholeBefore) : said.words.none, points(areas[id]));
    }
    return { title: name, values, href: opens(id) };
  }

  const words = said.words.values;
  const tip = L.tooltip({ className: "map-tip", direction: "auto", offset: [14, 0] });
  const cells = new Areas(said.tiles, "cells", {
    paint,
    onHover(id, _properties, event) {
      if (byTouch || !id || !areas) tip.remove();
      else tip.setLatLng(event.latlng).setContent(card(told(id), words)).addTo(map);
    },
    onPick(id, _properties, event) {
      if (!areas) return;
      if (byTouch) L.popup(POPUP).setLatLng(event.latlng).setContent(card(told(id), words, said.words.open)).openOn(map);
      else if (opens(id)) window.location.assign(opens(id));
    },
  }).addTo(map);

  try {
    const answer = await fetch(said.figures);  // asked already by the page, in just these words
    const found = await answer.json();
    const own = found.own && new Set(found.own);
    opens = (id) => (found.cases && (!own || own.has(id)) ? found.cases.replace("{code}", id) : null);
    areas = found.areas;
    cells.repaint();
  } catch {
    map.getContainer().append(element("p", "notice notice-error map-failed", said.words.failed));
  }
}
