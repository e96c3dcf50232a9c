// The own cells and households on plain ground, drawn by Leaflet without any picture from outside.

import { html, useEffect, useRef } from "../lib.js";

const LEAFLET = "/static/vendor/leaflet/";
let loading = null;

/** Leaflet, loaded when the first map is shown; it is a script of the old kind and sets `L`. */
function leaflet() {
  loading ??= new Promise((done, failed) => {
    const style = Object.assign(document.createElement("link"),
      { rel: "stylesheet", href: `${LEAFLET}leaflet.css` });
    const script = Object.assign(document.createElement("script"),
      { src: `${LEAFLET}leaflet.js`, onload: () => done(window.L), onerror: failed });
    document.head.append(style, script);
  });
  return loading;
}

const rings = (cell) => cell.rings ?? (cell.ring ? [cell.ring] : []);
const turned = (ring) => ring.map(([lon, lat]) => [lat, lon]);

/** A map of `cells` with `homes`. `onHome(home)`: one was tapped; `onTap({lon, lat})`: the ground
 * was; `spot`: a place to mark; `here`: where the phone is. */
export function Ground({ cells, homes = [], label, onHome, onTap, spot, here, isDue = () => false }) {
  const box = useRef();
  const map = useRef(null);
  const heard = useRef({});
  heard.current = { onHome, onTap };
  useEffect(() => {
    let gone = false;
    leaflet().then((L) => {
      if (gone) return;
      map.current = draw(L, box.current, cells, homes, isDue, heard);
      show(L, map.current, spot, here);
    });
    return () => {
      gone = true;
      map.current?.remove();
      map.current = null;
    };
  }, [cells, homes]);
  useEffect(() => {
    if (map.current) show(window.L, map.current, spot, here);
  }, [spot, here]);
  return html`<div class="ground" ref=${box} role="application" aria-label=${label}></div>`;
}

function draw(L, box, cells, homes, isDue, heard) {
  // A thumb is wide: a tap within 16 px of a household's point means it.
  const map = L.map(box, { attributionControl: false, renderer: L.canvas({ tolerance: 16 }),
    zoomControl: false, maxZoom: 19, zoomSnap: 0.5 });
  L.control.zoom({ position: "bottomright", zoomInTitle: "+", zoomOutTitle: "-" }).addTo(map);
  L.control.scale({ imperial: false }).addTo(map);
  const areas = L.featureGroup();
  const first = rings(cells[0] ?? {})[0]?.[0] ?? [homes[0]?.lon ?? 104, homes[0]?.lat ?? 30];
  map.setView([first[1], first[0]], 15); // a canvas draws nothing before there is a view
  for (const cell of cells) {
    const area = L.polygon(rings(cell).map(turned), { color: "#17435f", weight: 2,
      fillColor: "#ffffff", fillOpacity: 1, interactive: false }).addTo(areas);
    area.bindTooltip(cell.name, { permanent: true, direction: "center", className: "ground-name" });
  }
  areas.addTo(map);
  for (const home of homes) {
    if (home.lon == null) continue;
    const due = isDue(home);
    L.circleMarker([home.lat, home.lon], { radius: due ? 9 : 6, weight: 2, color: due ? "#fff" : "#17435f",
      fillColor: due ? "#982b17" : "#e4edf2", fillOpacity: 1, bubblingMouseEvents: false })
      .on("click", () => heard.current.onHome?.(home)).addTo(map);
  }
  map.on("click", ({ latlng }) => heard.current.onTap?.({ lon: latlng.lng, lat: latlng.lat }));
  const bounds = areas.getBounds();
  if (bounds.isValid()) map.fitBounds(bounds, { padding: [16, 16], animate: false });
  return map;
}

/** Put the mark of the chosen place and of the phone where they are. */
function show(L, map, spot, here) {
  map.marks?.remove();
  map.marks = L.layerGroup().addTo(map);
  if (here) {
    L.circleMarker([here.lat, here.lon], { radius: 8, weight: 3, color: "#fff", fillColor: "#17435f",
      fillOpacity: 1, interactive: false }).addTo(map.marks);
    if (here.accuracy_m) L.circle([here.lat, here.lon], { radius: here.accuracy_m, weight: 1,
      color: "#17435f", fillOpacity: 0.08, interactive: false }).addTo(map.marks);
    map.panTo([here.lat, here.lon]);
  }
  if (spot) {
    L.circleMarker([spot.lat, spot.lon], { radius: 11, weight: 4, color: "#fff", fillColor: "#982b17",
      fillOpacity: 1, interactive: false }).addTo(map.marks);
  }
}
