// Drawing a line or the edge of an area: by taps, by dragging points, with the keys, or typed.

const CASING = { color: "#ffffff", weight: 9, opacity: 0.95, fill: false };
const LINE = { color: "#b3361f", weight: 4, opacity: 1, fillColor: "#b3361f", fillOpacity: 0.15 };
const STEP = 24; // pixels that an arrow key moves the ground; with Shift four times as far
const KEYS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
const DIGITS = 6; // of a degree: 0.1 m
const SAME = 8; // pixels: a second tap as near as this is the second half of a double one

/** Reads lines of "longitude, latitude"; null where one of them is none. */
export function typed(text) {
  const rows = text.split("\n").map((row) => row.trim()).filter(Boolean);
  const points = rows.map((row) => row.split(/[,,;\s]+/).filter(Boolean).map(Number));
  const sound = points.every((p) => p.length === 2 && p.every(Number.isFinite)
    && Math.abs(p[0]) <= 180 && Math.abs(p[1]) <= 90);
  return sound ? points.map(([lon, lat]) => L.latLng(lat, lon)) : null;
}

export class Pen {
  /** `controls` are the elements of the page; `changed` hears of every change, `finished` of a
   * double tap. */
  constructor(map, controls, changed, finished) {
    Object.assign(this, { map, controls, changed, finished, points: [], closed: false, on: false });
    this.group = L.layerGroup([], { pane: "pen" });
    controls.back.addEventListener("click", () => this.back());
    controls.clear.addEventListener("click", () => this.set([]));
    controls.add.addEventListener("click", () => this.add(map.getCenter()));
    controls.typed.addEventListener("input", () => {
      const points = typed(controls.typed.value);
      controls.typed.setAttribute("aria-invalid", String(!points));
      if (points) this.set(points, true);
    });
    map.getContainer().addEventListener("keydown", (event) => this.key(event));
    this.tap = (event) => this.add(event.latlng);
    this.twice = () => this.finished();
  }

  /** Begin to draw: a line, or with `closed` an area. */
  start(closed) {
    if (this.on && this.closed === closed) return;
    this.stop();
    Object.assign(this, { closed, on: true });
    this.map.on("click", this.tap).on("dblclick", this.twice);
    this.map.doubleClickZoom.disable();
    this.map.keyboard.disable(); // its arrows glide; ours step, so that Enter knows where it is
    this.group.addTo(this.map);
    this.show(true);
    this.set([]);
  }

  /** Put the pen away with what was drawn. */
  stop() {
    if (!this.on) return;
    this.on = false;
    this.map.off("click", this.tap).off("dblclick", this.twice);
    this.map.doubleClickZoom.enable();
    this.map.keyboard.enable();
    this.group.remove();
    this.show(false);
    this.points = [];
  }

  /** While the pen rests a tap means a cell again; what was drawn stays in sight. */
  rest(resting) {
    if (!this.on) return;
    this.map.off("click", this.tap);
    if (!resting) this.map.on("click", this.tap);
    this.map.getContainer().classList.toggle("is-drawing", !resting);
  }

  show(on) {
    this.controls.box.hidden = !on;
    this.controls.cross.hidden = !on;
    this.map.getContainer().classList.toggle("is-drawing", on);
  }

  add(point) {
    const last = this.points.at(-1);
    const near = last && this.map.latLngToContainerPoint(last)
      .distanceTo(this.map.latLngToContainerPoint(point)) < SAME;
    if (!near) this.set([...this.points, point]);
  }

  back() {
    this.set(this.points.slice(0, -1));
  }

  /** The line is these points now; `fromText` leaves what somebody is typing alone. */
  set(points, fromText = false) {
    this.points = points;
    this.draw();
    if (!fromText) this.write();
    this.controls.back.disabled = this.controls.clear.disabled = !points.length;
    this.changed();
  }

  write() {
    this.controls.typed.value = this.points.map(position).map((p) => p.join(", ")).join("\n");
    this.controls.typed.setAttribute("aria-invalid", "false");
  }

  draw() {
    const shape = this.closed && this.points.length > 2 ? L.polygon : L.polyline;
    this.group.clearLayers();
    const lines = [CASING, LINE].map((style) => shape(this.points, {
      ...style, fill: shape === L.polygon && style === LINE, interactive: false, pane: "pen",
    }).addTo(this.group));
    this.points.forEach((point, i) => {
      const icon = L.divIcon({ className: "pen-point", iconSize: [44, 44] });
      const marker = L.marker(point, { icon, draggable: true, keyboard: false, pane: "pen" });
      marker.on("drag", () => {
        this.points[i] = marker.getLatLng();
        lines.forEach((line) => line.setLatLngs(this.points));
      });
      marker.on("dragend", () => this.set(this.points));
      marker.on("dblclick", () => this.finished());
      marker.addTo(this.group);
    });
  }

  key(event) {
    if (!this.on || event.target !== this.map.getContainer()) return;
    const step = KEYS[event.key];
    if (step) {
      const far = STEP * (event.shiftKey ? 4 : 1);
      this.map.panBy(step.map((n) => n * far), { animate: false });
    } else if (event.key === "Enter") {
      this.add(this.map.getCenter());
    } else if (event.key === "Backspace") {
      this.back();
    } else if (event.key === "+" || event.key === "=") {
      this.map.setZoom(this.map.getZoom() + 0.5, { animate: false });
    } else if (event.key === "-") {
      this.map.setZoom(this.map.getZoom() - 0.5, { animate: false });
    } else {
      return;
    }
    event.preventDefault();
  }

  /** What was drawn as GeoJSON. */
  geojson() {
    const line = this.points.map(position);
    return this.closed ? { type: "Polygon", coordinates: [[...line, line[0]]] }
      : { type: "LineString", coordinates: line };
  }
}

function position(point) {
  return [point.lng, point.lat].map((n) => Number(n.toFixed(DIGITS)));
}
