// Days, times and distances in words.

import { say, spoken } from "../words.js";

const DAY = 86_400_000;
const locale = () => (spoken() === "zh" ? "zh-CN" : "en-GB");
const format = (at, options) => new Intl.DateTimeFormat(locale(), options).format(at);

/** "2026-11-28" as the morning of that day here; a moment as it is. */
export const moment = (text) => new Date(text.length === 10 ? `${text}T00:00:00` : text);

/** How many days lie between two days or moments: 0 for the same day. */
export function daysBetween(first, last) {
  const midnight = (at) => new Date(moment(at).toDateString()).getTime();
  return Math.round((midnight(last) - midnight(first)) / DAY);
}

/** 11月28日; with the year where it is another one. */
export function dayWords(text, { weekday } = {}) {
  const at = moment(text);
  const year = at.getFullYear() === new Date().getFullYear() ? undefined : "numeric";
  return format(at, { year, month: spoken() === "zh" ? "long" : "short", day: "numeric",
    weekday: weekday && "long" });
}

/** 10:32 for a moment of today, 11月28日 10:32 for another. */
export function timeWords(text) {
  const at = moment(text);
  const time = format(at, { hour: "2-digit", minute: "2-digit", hour12: false });
  return daysBetween(text, new Date().toISOString()) === 0 ? time : `${dayWords(text)} ${time}`;
}

/** When a household is due, seen from `today`: {words, over} where `over` means pressing. */
export function dueWords(due, today) {
  if (!due) return null;
  const left = daysBetween(today, due);
  if (left < 0) return { words: say("due.over", { n: -left }), over: true };
  if (left === 0) return { words: say("due.today"), over: true };
  if (left === 1) return { words: say("due.tomorrow"), over: false };
  if (left <= 30) return { words: say("due.in", { n: left }), over: false };
  return { words: say("due.later", { day: dayWords(due) }), over: false };
}

/** Metres between two {lon, lat}; good enough for a village. */
export function metres(a, b) {
  const rad = Math.PI / 180;
  const x = (b.lon - a.lon) * rad * Math.cos(((a.lat + b.lat) / 2) * rad);
  return Math.hypot(x, (b.lat - a.lat) * rad) * 6_371_000;
}

export function awayWords(m) {
  if (m < 950) return say("away.m", { n: Math.max(10, Math.round(m / 10) * 10) });
  return say("away.km", { n: (m / 1000).toFixed(m < 9500 ? 1 : 0) });
}

/** The value of an <input type="datetime-local"> for a moment, in the time of here. */
export function forInput(text) {
  const at = moment(text);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
