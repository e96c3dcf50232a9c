// Pictures drawn with a pen of two units on a ground of 24; those of categories are in icons.svg.

import { html } from "../lib.js";

const PATHS = {
  today: "M5 4h14v17H5zM9 2v4M15 2v4M8 14l3 3 5-6",
  map: "M9 4 3 6.5v14L9 18l6 2.5 6-2.5V4l-6 2.5zM9 4v14M15 6.5v14",
  work: "M8 4H5v17h14V4h-3M8 2.5h8v4H8zM9 12h6M9 16h4",
  more: "M12 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8M4 21c0-4 3.5-7 8-7s8 3 8 7",
  back: "M15 5l-7 7 7 7",
  next: "M9 5l7 7-7 7",
  check: "M4.5 12.5l5 5 10-11",
  undo: "M9 7H15a5 5 0 0 1 0 10H7M9 7l3.5-3.5M9 7l3.5 3.5",
  plus: "M12 5v14M5 12h14",
  close: "M6 6l12 12M18 6L6 18",
  camera: "M4 8h4l1.5-3h5L16 8h4v11H4zM12 16.5a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4",
  album: "M4 5h16v14H4zM4 16l5-5 4 4 2.5-2.5L20 17M15.5 9.5h.1",
  phone: "M6 3h3l1.5 5-2 1.5a12 12 0 0 0 6 6L16 13.5l5 1.5v3c0 1.7-1.3 3-3 3A15 15 0 0 1 3 6c0-1.7 1.3-3 3-3z",
  pin: "M12 21.5c4.5-5 7-8.5 7-11.500a7 7 0 1 0-14 0c0 3 2.5 6.5 7 11.500M12 12.500a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5",
  home: "M4 11l8-7 8 7v9H4zM10 20v-6h4v6",
  cell: "M4 5l8-2 8 3-1 8 1 6-9 1-7-3 1-6z",
  tray: "M4 13l3-9h10l3 9v7H4zM4 13h5l1 3h4l1-3h5",
  book: "M6 3h13v18H6a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2M8 8h7M8 12h7",
  bell: "M6 17V11a6 6 0 0 1 12 0v6l2 2H4zM10 21.500h4",
  horn: "M4 10v4h3l8 4V6l-8 4zM18.5 9.5c1 1.5 1 3.5 0 5M7 14v5h3v-3.5",
  ask: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18M9.5 9.500a2.5 2.5 0 1 1 3.5 2.300c-.7.4-1 .8-1 1.700M12 16.500v.3",
  find: "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13M15.5 15.5L20.5 20.5",
  gear: "M12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6M12 2.500v3M12 18.500v3M2.5 12h3M18.5 12h3M5.3 5.300l2.1 2.100M16.6 16.600l2.1 2.100M5.3 18.700l2.1-2.100M16.6 7.400l2.1-2.1",
  leave: "M4 6h16v14H4zM4 10h16M9 3v4M15 3v4",
  pen: "M4 20l1-4L16 5l3 3L8 19z",
  warn: "M12 4l9 16H3zM12 10v4.500M12 17v.3",
};

/** A picture beside words; it says nothing to a screen reader. */
export function Icon({ name, size = "1.5em" }) {
  return html`<svg class="icon" viewBox="0 0 24 24" style=${{ width: size, height: size }}
    aria-hidden="true" focusable="false"><path d=${PATHS[name]} /></svg>`;
}

/** The picture of a category, drawn in icons.svg; one without shows its first character. */
export function Picture({ category, name, size = "1.6em" }) {
  if (!category?.icon || category.icon === "other") {
    return html`<b class="first-letter" aria-hidden="true">${name[0]}</b>`;
  }
  return html`<svg class="icon" style=${{ width: size, height: size }} aria-hidden="true" focusable="false">
    <use href=${`/static/phone/icons.svg#${category.icon}`} /></svg>`;
}
