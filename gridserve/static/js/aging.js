// Open issues in their tens of thousands: circles of what the server has counted, square by square
// of a finger's width, and the cases one by one when near.

import { VectorTile } from "@mapbox/vector-tile";
import { PbfReader } from "pbf";
import { byTouch, card, element, POPUP } from "./map.js";

const NEAR = 14; // the zoom of tiles from which cases stand one by one
const LARGEST = 16; // pixels: as wide as a square, so that circles hardly cover each other

const number = (value) => value.toLocaleString("en");

/** How a circle of the issues `p` looks; its area grows with their number up to a thousand. */
function circle(p, said) {
  const mean = p.heat10 / 10 / p.n;
  // as visits/issues/clock.py: four fifths is amber, just due not yet red
  const step = said.steps.filter((from, n) => (n ? mean > from : mean >= from)).length;
  return {
    radius: Math.min(LARGEST, 4 + 12 * Math.sqrt(p.n / 1000)), fillColor: said.colours[step],
    fillOpacity: 0.92, color: "#16202a", weight: 1,
  };
}

function told(p, said) {
  const { words, lights } = said, shown = Object.keys(lights).filter((light) => p[light]);
  return [
    { title: `${words.all} ${number(p.n)}`, href: p.cell && said.cases?.replace("{cell}", p.cell),
      values: [(p.heat10 / 10 / p.n).toFixed(1), ...shown.map((light) => number(p[light]))] },
    [words.mean, ...shown.map((light) => lights[light][0])],
  ];
}

/** A square: the pointer sees its figures; a cell's cases open, of several cells one comes nearer. */
function square(p, at, map, said) {
  const marker = L.circleMarker(at, circle(p, said)), [what, words] = told(p, said);
  if (!byTouch) marker.bindTooltip(() => card(what, words), { className: "map-tip" });
  if (what.href) marker.bindPopup(() => card(what, words, said.words.open), POPUP);
  else marker.on("click", () => map.setView(at, Math.min(18, Math.round(map.getZoom()) + 2)));
  return marker.on("popupopen", () => marker.closeTooltip());
}

function single(p, at, said) {
  const [light, fillColor, radius] = said.lights[p.light];
  const what = { title: p.number, values: [light], href: `/issues/${p.issue}` };
  return L.circleMarker(at, { radius, fillColor, fillOpacity: 0.95, color: "#16202a", weight: 1.2 })
    .bindPopup(() => card(what, [said.words.light], said.words.one), POPUP);
}

const Circles = L.GridLayer.extend({
  options: { tileSize: 512, zoomOffset: -1, updateWhenZooming: false, keepBuffer: 0 },

  createTile(coords, done) {
    const tile = element("div"), zoom = coords.z - 1, { said } = this.options;
    tile.stop = new AbortController();
    const near = zoom >= NEAR && said.singles;
    const address = L.Util.template(near ? said.singles : said.squares, { z: zoom, x: coords.x, y: coords.y });
    fetch(address, { signal: tile.stop.signal })
      .then((answer) => (answer.ok ? answer.arrayBuffer() : Promise.reject(new Error(answer.status))))
      .then((bytes) => {
        const layer = new VectorTile(new PbfReader(bytes)).layers[near ? "issues" : "aging"];
        tile.circles = L.layerGroup();
        for (let n = 0; layer && n < layer.length; n += 1) {
          const feature = layer.feature(n), [[{ x, y }]] = feature.loadGeometry();
          const place = L.point(coords.x + x / feature.extent, coords.y + y / feature.extent);
          const at = this._map.unproject(place.multiplyBy(512), coords.z), p = feature.properties;
          tile.circles.addLayer(near ? single(p, at, said) : square(p, at, this._map, said));
        }
        if (!tile.stop.signal.aborted) tile.circles.addTo(this._map);
        done(null, tile);
      })
      .catch((error) => {
        if (error.name !== "AbortError") this.options.onFail();
        done(error, tile);
      });
    return tile;
  },
});

/** Draw the issues of `said` (maps/draw.py) on `map`. */
export function gather(map, said) {
  let failed = null;
  const onFail = () => {
    failed ??= map.getContainer().appendChild(
      element("p", "notice notice-error map-failed", said.words.failed));
  };
  new Circles({ said, onFail })
    .on("tileunload", ({ tile }) => {
      tile.stop.abort();
      tile.circles?.remove();
    })
    .addTo(map);
}
