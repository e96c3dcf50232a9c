// What Folium does not draw on a map of ours: figures at the pointer, names on areas, and
// controls that speak the page's language. Everything that people wrote goes in as a text node.

// Room for the buttons on the left; on a phone they step aside instead (css/map.css).
const wide = window.matchMedia("(min-width: 36rem)").matches;
export const POPUP = { autoPanPaddingTopLeft: [wide ? 64 : 12, 12], autoPanPaddingBottomRight: [12, 12] };
export const byTouch = window.matchMedia("(hover: none)").matches;

export function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text) node.textContent = text;
  return node;
}

/** What is said of an area or a case: a title, and words with their values. */
export function card(properties, words, link) {
  const node = element("div", "map-card");
  node.append(element("strong", "map-card-title", properties.title));
  const list = element("dl");
  words.forEach((word, i) => {
    list.append(element("dt", "", word), element("dd", "", properties.values[i]));
  });
  node.append(list);
  if (link && properties.href) {
    const anchor = element("a", "btn btn-primary map-card-link", link);
    anchor.href = properties.href;
    node.append(anchor);
  }
  return node;
}

function tooltip(layer, properties, words) {
  layer.bindTooltip(() => card(properties, words), { sticky: true, className: "map-tip" });
}

/** An area of the choropleth: a mouse sees its figures and drills down, a finger asks first. */
export function area(feature, layer, words, link) {
  const properties = feature.properties;
  if (byTouch) {
    layer.bindPopup(() => card(properties, words, link), POPUP);
  } else {
    tooltip(layer, properties, words);
    if (properties.href) layer.on("click", () => window.location.assign(properties.href));
  }
  layer.on("mouseover popupopen", () => layer.setStyle({ color: "#16202a", weight: 3 }).bringToFront());
  layer.on("mouseout popupclose", () => layer.setStyle({ color: "#ffffff", weight: 1.2 }));
}

/** The marker of an issue: its figures at the pointer, a pop-up that opens the case. */
export function issue(feature, layer, words, link) {
  if (!byTouch) tooltip(layer, feature.properties, words);
  layer.on("popupopen", () => layer.closeTooltip());
  layer.bindPopup(() => card(feature.properties, words, link), POPUP);
}

/** About how wide `text` will be, in pixels: a Chinese character is as wide as two Latin ones. */
function width(text) {
  return [...text].reduce((sum, c) => sum + (c > "\u2e80" ? 14 : 8), 0);
}

/** Write names where they fit at this zoom, outlines first, then areas from large to small; where a name
 * has no room the share stands alone. Gives a function that takes them away. */
export function nameAreas(map, groups) {
  const wanted = [];
  groups.forEach((group) => group.eachLayer((layer) => {
    const { label, at, outline, class: cls } = layer.feature.properties;
    if (!label || !label[0]) return;
    const icon = element("span", `map-name ${outline ? "map-name-outline" : `on-${cls}`}`);
    icon.append(element("span", "", label[0]));
    if (label[1]) icon.append(element("span", "map-name-share", label[1]));
    wanted.push({
      layer, outline, icon, size: 0, lines: label[1] ? 2 : 1,
      width: Math.max(...label.map(width)), shareWidth: label[1] && width(label[1]),
      marker: L.marker(at, {
        icon: L.divIcon({ html: icon, className: "map-name-place", iconSize: [0, 0] }),
        interactive: false, keyboard: false, pane: "names",
      }),
    });
  }));

  function place() {
    const taken = [];
    for (const name of wanted) {
      const box = name.layer.getBounds();
      const size = map.latLngToLayerPoint(box.getSouthEast())
        .subtract(map.latLngToLayerPoint(box.getNorthWest()));
      name.room = size;
      name.size = size.x * size.y;
    }
    wanted.sort((a, b) => (b.outline ?? 0) - (a.outline ?? 0) || b.size - a.size);
    for (const name of wanted) {
      const at = map.latLngToLayerPoint(name.marker.getLatLng());
      const room = (width, lines) => {
        const half = L.point(width / 2 + 3, lines * 9 + 2);
        const box = L.bounds(at.subtract(half), at.add(half));
        const fits = name.room.x > width * (name.outline ? 0.6 : 1.15) && name.room.y > lines * 22;
        return fits && !taken.some((other) => other.intersects(box)) ? box : null;
      };
      const whole = room(name.width, name.lines);
      const box = whole || (name.shareWidth && room(name.shareWidth, 1));
      name.icon.firstChild.hidden = !whole;
      if (box) {
        taken.push(box);
        name.marker.addTo(map);
      } else {
        name.marker.remove();
      }
    }
  }
  map.on("zoomend", place);
  place();
  return () => {
    map.off("zoomend", place);
    wanted.forEach((name) => name.marker.remove());
  };
}

/** Small markers on a far view, so that a county's cases do not hide the heat under them. */
function sizeMarkers(map) {
  const resize = () => {
    const share = Math.min(1, Math.max(0.5, 0.5 + (map.getZoom() - 10) * 0.125));
    map.eachLayer((layer) => {
      if (layer instanceof L.CircleMarker) {
        layer.fullRadius ??= layer.getRadius();
        layer.setStyle({ radius: layer.fullRadius * share, weight: 1.2 * share });
      }
    });
  };
  map.on("zoomend overlayadd", resize);
  resize();
}

/** Show all of `corners`, beside the list of layers where that stands open. */
function fit(map, corners) {
  const list = map.getContainer().querySelector(".leaflet-control-layers-expanded");
  map.fitBounds(corners, {
    paddingTopLeft: [14, 14], paddingBottomRight: [14 + (list?.offsetWidth ?? 0), 14], maxZoom: 15,
  });
}

/** The base map that the settings name, under all that is ours. */
function underlay(map) {
  const said = document.body.dataset.basemap;
  if (!said) return;
  const { layers, deepest, credit } = JSON.parse(said);
  map.createPane("base").style.zIndex = 150;
  layers.forEach((url) => {
    L.tileLayer(url, { pane: "base", maxNativeZoom: deepest, maxZoom: 22 }).addTo(map);
  });
  map.getContainer().classList.add("has-basemap");
  if (credit) {
    const words = element("span", "", credit).innerHTML; // escaped: the control writes markup
    L.control.attribution({ prefix: false }).addAttribution(words).addTo(map);
  }
}

/** A base map where there is one, scale bar, buttons in the page's words, a place for names; the wheel scrolls the page until asked. */
export function furnish(map, words) {
  underlay(map);
  const pane = map.createPane("names");
  pane.style.zIndex = 620;
  pane.style.pointerEvents = "none";
  L.control.zoom({ zoomInTitle: words.in, zoomOutTitle: words.out }).addTo(map);
  L.control.scale({ imperial: false, maxWidth: 120 }).addTo(map);
  map.scrollWheelZoom.disable();
  map.on("focus", () => map.scrollWheelZoom.enable());
  map.on("blur", () => map.scrollWheelZoom.disable());
}

/** A map that Folium drew: furniture, its list of layers in the page's words, view and names. */
export function dress(map, named, corners, words) {
  furnish(map, words);
  if (map.getContainer().classList.contains("has-basemap")) {
    map.eachLayer((layer) => { // on a canvas, where no style sheet reaches
      if (layer.feature?.properties.outline) layer.setStyle({ fillOpacity: 0 });
    });
  }
  const toggle = map.getContainer().querySelector(".leaflet-control-layers-toggle");
  if (toggle) {
    toggle.title = words.layers;
    toggle.replaceChildren(element("span", "", words.layers));
  }
  fit(map, corners);
  nameAreas(map, named);
  sizeMarkers(map);
}
