// Issues of a list as marks on a small map of our own boundaries.

import { ground, look } from "./ground.js";
import { nameAreas } from "./map.js";

const LIGHTS = { green: "#2f9e83", amber: "#f0b429", red: "#cf3a1d", deep_red: "#6d0f22" };
const OUTLINE = { color: "#17435f", weight: 1.5, fillColor: "#ffffff", fillOpacity: 0.8, interactive: false };
const PLAIN = { radius: 7, color: "#ffffff", weight: 2, fillOpacity: 0.95 };
const POINTED = { radius: 12, color: "#16202a", weight: 3 };

export class Marks {
  /** `place` is the folded map; `tapped` hears the id of an issue. */
  constructor(place, words, tapped) {
    Object.assign(this, { place, words, tapped, layers: new Map(), pointed: null, wanted: [] });
    const wide = window.matchMedia("(min-width: 62rem)");
    if (wide.matches) place.open = true;
    place.addEventListener("toggle", () => this.draw());
    this.draw();
  }

  /** Draw the ground once, when it can be seen. */
  async draw() {
    if (this.map || !this.place.open) return;
    this.map = ground(this.place.querySelector(".folium-map"), this.words);
    this.marks = L.layerGroup([]).addTo(this.map);
    this.refresh();
    try {
      const answer = await fetch("/desk/outlines", { headers: { Accept: "application/json" } });
      if (!answer.ok) return;
      const areas = L.geoJSON(await answer.json(), { style: OUTLINE, pane: "cells" }).addTo(this.map);
      areas.eachLayer((layer) => Object.assign(layer.feature.properties, { at: layer.getCenter(), class: "cell" }));
      look(this.map, areas.getBounds(), 12);
      nameAreas(this.map, [areas]);
    } catch {
      // without boundaries the marks stand on blank ground
    }
  }

  /** Show these rows of the list. */
  show(rows) {
    this.wanted = rows.filter((row) => row.dataset.lon).map((row) => ({
      id: row.dataset.id, at: [Number(row.dataset.lat), Number(row.dataset.lon)],
      light: row.dataset.light, title: row.querySelector(".desk-link").textContent,
    }));
    this.refresh();
  }

  refresh() {
    if (!this.map) return;
    this.marks.clearLayers();
    this.layers.clear();
    this.wanted.forEach(({ id, at, light, title }) => {
      const style = { ...PLAIN, fillColor: LIGHTS[light] ?? "#7d8489", pane: "edge" };
      const text = document.createElement("span");
      text.textContent = title;
      const layer = L.circleMarker(at, style).bindTooltip(text).addTo(this.marks);
      layer.on("click", () => this.tapped(id));
      this.layers.set(id, layer);
    });
    const points = L.latLngBounds(this.wanted.map((each) => each.at));
    if (!this.shown && points.isValid()) look(this.map, points.pad(0.3));
    this.shown = true;
    this.point(this.pointed);
  }

  /** Make one mark stand out. */
  point(id) {
    this.layers.get(this.pointed)?.setStyle(PLAIN).setRadius(PLAIN.radius);
    this.pointed = id;
    this.layers.get(id)?.setStyle(POINTED).setRadius(POINTED.radius).bringToFront();
  }
}
