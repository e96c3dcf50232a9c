// The choropleth of more cells than a page can hold: shapes from tiles, figures in one piece.

import { byTouch, card, element, POPUP } from "./map.js";
import { Areas } from "./tiles.js";

const CLOSE = 10.5; // the zoom from which areas are large enough for lines between them

/** A share in per cent, as maps/bands.py writes it: exact at both ends, never rounded to them. */
function percent(met, of) {
  if (!met || met === of) return met ? "100 %" : "0 %";
  return `${Math.min(99.9, Math.max(0.1, met / of * 100)).toFixed(1)} %`;
}

/** Colour the cells of `map` by share met; `said` is what maps/draw.py says. */
export async function cover(map, said) {
  let areas = null, opens = () => null;

  // Far away white lines would outweigh the small areas between them.
  const edge = (fill) => (map.getZoom() < CLOSE ? { line: fill, width: 0.75 } : { line: "#ffffff" });

  function paint(id) {
    const row = areas?.[id];
    if (!row) return areas ? null : { line: "#b9b6a8" };
    const [, met, households] = row;
    if (!households) return { fill: "hatch", ...edge("#77808a") };
    const n = said.colours.length;
    const fill = said.colours[Math.min(Math.floor(met * n / households), n - 1)];
    return { fill, ...edge(fill) };
  }

  function told(id) {
    const [name, met, households] = areas[id];
    const values = [households ? percent(met, households) : said.words.none,
      `${met.toLocaleString("en")} / ${households.toLocaleString("en")}`];
    return { title: name, values, href: opens(id) };
  }

  const words = [said.words.share, said.words.met];
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
    const answer = await fetch(said.figures, { headers: { Accept: "application/json" } });
    const found = await answer.json();
    const own = found.own && new Set(found.own);
    opens = (id) => (found.cases && (!own || own.has(id)) ? found.cases.replace("{code}", id) : null);
    areas = found.areas;
    cells.repaint();
  } catch {
    map.getContainer().append(element("p", "notice notice-error map-failed", said.words.failed));
  }
}
