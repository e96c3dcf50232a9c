// A plain Leaflet map of cells: the cells as they are, those chosen, and those that would be.

import { ask } from "./api.js";
import { element, furnish, nameAreas } from "./map.js";

const INK = "#17435f";
const PANES = { cells: 410, proposed: 430, clusters: 440, edge: 450, pen: 640 };
const EDGE = { color: "#16202a", weight: 3, dashArray: "10 6", fill: false };
const GUIDE = { color: "#1f6b8f", weight: 3, opacity: 0.9, fill: false };
const TINTS = ["#ffffff", "#e3eef3", "#f5ecd6", "#e6efdd"]; // of villages side by side
const LOOKS = {
  cell: { color: INK, weight: 2, fillColor: "#ffffff", fillOpacity: 0.8 },
  dedicated: { color: INK, weight: 2.5, dashArray: "6 5", fillColor: "#d9e6c8", fillOpacity: 0.85 },
  chosen: { color: "#0e2e45", weight: 4, fillColor: "#8fbbd6", fillOpacity: 0.85 },
  old: { color: "#7d8489", weight: 1.5, dashArray: "4 4", fillColor: "#e9ebe5", fillOpacity: 0.5 },
  proposed: { color: "#8c2a17", weight: 3, fillColor: "#f6d58a", fillOpacity: 0.75 },
};

/** A map of ours in `container`; `words` are zoomIn and zoomOut. */
export function ground(container, words) {
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const map = L.map(container, {
    zoomControl: false, attributionControl: false, zoomSnap: 0.25, wheelPxPerZoomLevel: 120,
    zoomAnimation: !still, maxZoom: 20, minZoom: 4,
  });
  map.setView([35, 104], 5);
  Object.entries(PANES).forEach(([name, z]) => { map.createPane(name).style.zIndex = z; });
  furnish(map, { in: words.zoomIn, out: words.zoomOut });
  return map;
}

/** Show all of `bounds`, with room for a line to begin and end outside. */
export function look(map, bounds, room = 24) {
  if (bounds.isValid()) map.fitBounds(bounds, { padding: [room, room], maxZoom: 18, animate: false });
}

/** Draw an outline that nobody taps; gives its bounds, invalid for none. */
export function outline(map, geometry, guide = false) {
  if (!geometry) return L.latLngBounds([]);
  const style = guide ? GUIDE : EDGE;
  return L.geoJSON(geometry, { style, interactive: false, pane: "edge" }).addTo(map).getBounds();
}

/** Draw the boundary of a jurisdiction; gives its bounds. */
export async function boundary(map, code, offline) {
  return outline(map, (await ask("GET", `/jurisdictions/${code}`, null, offline)).boundary);
}

/** Where households live, as counts: features of points with {group, households}. */
export function clusters(map, features) {
  return L.layerGroup(features.map(({ geometry, properties: { group, households } }) => {
    const size = Math.round(18 + 1.6 * Math.sqrt(households));
    const icon = element("span", "cluster", String(households));
    icon.title = group ?? "";
    const [lon, lat] = geometry.coordinates;
    return L.marker([lat, lon], {
      icon: L.divIcon({ html: icon, className: "cluster-place", iconSize: [size, size] }),
      interactive: false, keyboard: false, pane: "clusters",
    });
  })).addTo(map);
}

function drawn(features, style, pane, interactive) {
  // the larger first, so that a dedicated cell lies on the basic one around it
  const size = (feature) => L.geoJSON(feature).getBounds();
  const area = (b) => (b.getEast() - b.getWest()) * (b.getNorth() - b.getSouth());
  const sorted = [...features].sort((a, b) => area(size(b)) - area(size(a)));
  return L.geoJSON(sorted, { style, pane, interactive });
}

function label(layer, words) {
  Object.assign(layer.feature.properties, { label: words, at: layer.getCenter(), class: "cell" });
}

/** The cells on a map. `tapped` may be set to hear the code of a cell that was tapped. */
export class Cells {
  constructor(map, tapped = () => {}) {
    Object.assign(this, { map, tapped, chosen: new Set(), faded: false, layers: new Map() });
    this.unname = this.unnameProposed = () => {};
  }

  /** Draw these features anew; `words` gives the lines that stand on one. */
  show(features, words) {
    this.retract();
    this.group?.remove();
    this.unname();
    this.layers.clear();
    this.group = drawn(features, LOOKS.cell, "cells", true).addTo(this.map);
    this.villages = [...new Set(features.map((each) => each.properties.village))].sort();
    this.group.eachLayer((layer) => {
      const { code } = layer.feature.properties;
      this.layers.set(code, layer);
      label(layer, words(layer.feature));
      layer.on("click", () => this.tapped(code));
    });
    this.unname = nameAreas(this.map, [this.group]);
    this.paint();
  }

  /** Mark these codes as chosen. */
  choose(codes) {
    this.chosen = new Set(codes);
    this.paint();
  }

  paint() {
    this.layers.forEach((layer, code) => {
      const kind = layer.feature.properties.kind === "dedicated" ? "dedicated" : "cell";
      const picked = this.chosen.has(code);
      const look = this.faded && picked ? "old" : picked ? "chosen" : kind;
      const tint = TINTS[this.villages.indexOf(layer.feature.properties.village) % TINTS.length];
      layer.setStyle({ dashArray: null, ...LOOKS[look], ...(look === "cell" ? { fillColor: tint } : {}) });
      layer.getElement()?.classList.toggle("is-chosen", picked);
    });
    this.chosen.forEach((code) => this.layers.get(code)?.bringToFront());
    this.layers.forEach((layer) => {
      if (layer.feature.properties.kind === "dedicated") layer.bringToFront();
    });
  }

  bounds(codes) {
    const found = L.latLngBounds([]);
    (codes ?? [...this.layers.keys()]).forEach((code) => {
      const layer = this.layers.get(code);
      if (layer) found.extend(layer.getBounds());
    });
    return found;
  }

  /** Draw what would be over what is, with names on what would be only. */
  propose(features, words) {
    this.retract();
    this.faded = true;
    this.map.getContainer().classList.add("is-proposing");
    this.paint();
    this.unname();
    this.proposed = drawn(features, LOOKS.proposed, "proposed", false).addTo(this.map);
    this.proposed.eachLayer((layer) => label(layer, words(layer.feature)));
    this.unnameProposed = nameAreas(this.map, [this.proposed]);
  }

  /** Take what would be away again. */
  retract() {
    if (!this.faded) return;
    this.faded = false;
    this.map.getContainer().classList.remove("is-proposing");
    this.proposed.remove();
    this.unnameProposed();
    this.unname = nameAreas(this.map, [this.group]);
    this.paint();
  }
}
