// A Leaflet layer of vector tiles on canvas: shapes are read once and painted anew whenever what
// they say changes, so that ten thousand areas cost a few hundred kilobytes and no DOM.

import { VectorTile } from "@mapbox/vector-tile";
import { PbfReader } from "pbf";

const DASH = 8; // pixels between two strokes of the hatching

/** The hatching that says "no data"; as in css/map.css. */
function hatch(context) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = DASH;
  const pen = tile.getContext("2d");
  pen.fillStyle = "#ffffff";
  pen.fillRect(0, 0, DASH, DASH);
  pen.strokeStyle = "#77808a";
  pen.lineWidth = 2;
  for (const shift of [-DASH, 0, DASH]) {
    pen.moveTo(shift, DASH);
    pen.lineTo(shift + DASH, 0);
  }
  pen.stroke();
  return context.createPattern(tile, "repeat");
}

/** Make `rings` the path of `pen`. Not kept as one: ten thousand of them take memory, and time to make. */
function trace(pen, rings) {
  pen.beginPath();
  for (const ring of rings) {
    pen.moveTo(ring[0].x, ring[0].y);
    for (let n = 1; n < ring.length - 1; n += 1) pen.lineTo(ring[n].x, ring[n].y);
    pen.closePath();
  }
}

/** West, north, east, south of `rings`. */
function box(rings) {
  let [west, north, east, south] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const ring of rings) {
    for (const { x, y } of ring) {
      if (x < west) west = x;
      if (x > east) east = x;
      if (y < north) north = y;
      if (y > south) south = y;
    }
  }
  return [west, north, east, south];
}

/**
 * Areas from `url` ({z}, {x}, {y}). `paint(id, properties)` gives `{fill, line, width}`, where fill
 * "hatch" hatches, or nothing for what is not drawn. `onHover(id, properties, event)` hears which
 * area the pointer is over, `onPick` which was chosen.
 */
export const Areas = L.GridLayer.extend({
  options: { tileSize: 512, zoomOffset: -1, updateWhenZooming: false, keepBuffer: 1 },

  initialize(url, layer, options) {
    L.setOptions(this, options);
    this._url = url;
    this._name = layer;
    this._over = null;
  },

  onAdd(map) {
    L.GridLayer.prototype.onAdd.call(this, map);
    map.on("mousemove", this._move, this).on("mouseout", this._leave, this).on("click", this._click, this);
    this.on("tileunload", ({ tile }) => tile.stop?.abort());
  },

  onRemove(map) {
    map.off("mousemove", this._move, this).off("mouseout", this._leave, this).off("click", this._click, this);
    L.GridLayer.prototype.onRemove.call(this, map);
  },

  createTile(coords, done) {
    const tile = L.DomUtil.create("canvas", "leaflet-tile");
    const ratio = window.devicePixelRatio || 1;
    const { x: size } = this.getTileSize();
    tile.width = tile.height = size * ratio;
    tile.stop = new AbortController();
    tile.coords = coords;
    const address = L.Util.template(this._url, { z: coords.z - 1, x: coords.x, y: coords.y });
    fetch(address, { signal: tile.stop.signal })
      .then((answer) => (answer.ok ? answer.arrayBuffer() : Promise.reject(new Error(answer.status))))
      .then((bytes) => {
        const layer = new VectorTile(new PbfReader(bytes)).layers[this._name];
        tile.shapes = [];
        tile.scale = layer ? tile.width / layer.extent : 1; // pixels of a step
        for (let n = 0; layer && n < layer.length; n += 1) {
          const feature = layer.feature(n);
          const { properties } = feature, rings = feature.loadGeometry();
          tile.shapes.push({ id: String(feature.id), properties, rings, box: box(rings), tile });
        }
        this._draw(tile);
        done(null, tile);
      })
      .catch((error) => done(error, tile));
    return tile;
  },

  /** Draw all tiles again, after what `paint` says has changed. */
  repaint() {
    Object.values(this._tiles).forEach(({ el }) => this._draw(el));
  },

  _draw(tile) {
    if (!tile.shapes) return;
    const pen = tile.getContext("2d");
    pen.resetTransform();
    pen.clearRect(0, 0, tile.width, tile.height);
    pen.scale(tile.scale, tile.scale);
    pen.lineJoin = "round";
    const ratio = (window.devicePixelRatio || 1) / tile.scale;
    for (const shape of tile.shapes) {
      const style = this.options.paint(shape.id, shape.properties);
      if (!style) continue;
      trace(pen, shape.rings);
      if (style.fill) {
        pen.fillStyle = style.fill === "hatch" ? this._hatched(pen, tile.scale) : style.fill;
        pen.fill("evenodd");
      }
      if (style.line) {
        pen.strokeStyle = style.line;
        pen.lineWidth = (style.width ?? 1) * ratio;
        pen.stroke();
      }
    }
  },

  /** Draw a line around `shape` alone, over the tiles: to paint ten thousand anew takes too long. */
  _outline(shape) {
    this._edge?.remove();
    this._edge = null;
    if (!shape) return;
    const { tile, rings } = shape, { x: size } = this.getTileSize();
    const corner = tile.coords.multiplyBy(size), step = tile.scale * size / tile.width;
    const place = ({ x, y }) => this._map.unproject(corner.add([x * step, y * step]), tile.coords.z);
    const around = rings.map((ring) => ring.map(place));
    const line = (color, weight) => L.polyline(around, { color, weight, interactive: false });
    this._edge = L.layerGroup([line("#ffffff", 7), line("#16202a", 3)]).addTo(this._map); // on any colour
  },

  /** The hatching, as large whatever the steps of a tile are. */
  _hatched(pen, scale) {
    this._hatch ??= hatch(pen);
    this._hatch.setTransform(new DOMMatrix().scale(1 / scale));
    return this._hatch;
  },

  /** The area under a place on the map, or nothing. */
  at(latlng) {
    const zoom = this._tileZoom;
    if (zoom === undefined) return null;
    const { x: size } = this.getTileSize();
    const point = this._map.project(latlng, zoom);
    const coords = point.divideBy(size).floor();
    const tile = this._tiles[`${coords.x}:${coords.y}:${zoom}`]?.el;
    if (!tile?.shapes) return null;
    const { x, y } = point.subtract(coords.multiplyBy(size)).multiplyBy(tile.width / size);
    const pen = tile.getContext("2d"), [stepX, stepY] = [x / tile.scale, y / tile.scale];
    return tile.shapes.findLast(({ id, properties, rings, box: [west, north, east, south] }) => {
      if (stepX < west || stepX > east || stepY < north || stepY > south) return false;
      trace(pen, rings);
      return this.options.paint(id, properties) && pen.isPointInPath(x, y, "evenodd");
    }) ?? null;
  },

  _move(event) {
    const found = this.at(event.latlng);
    if ((found?.id ?? null) !== this._over) {
      this._over = found?.id ?? null;
      this._map.getContainer().style.cursor = found ? "pointer" : "";
      this._outline(found);
    }
    this.options.onHover?.(found?.id ?? null, found?.properties, event);
  },

  _leave(event) {
    if (this._over === null) return;
    this._over = null;
    this._outline(null);
    this.options.onHover?.(null, undefined, event);
  },

  _click(event) {
    const found = this.at(event.latlng);
    if (found) this.options.onPick?.(found.id, found.properties, event);
  },
});
