// What the phone says. `{name}` stands for a value; "one|many" is chosen by the value `n`.

import en from "./words.en.js";
import zh from "./words.zh.js";

export const words = { zh, en };

let lang = "zh";

/** Speak "zh" or "en" from now on. */
export function speak(which) {
  lang = words[which] ? which : "zh";
  document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";
}

export const spoken = () => lang;

/** The words for `key` with `values` filled in; the key itself where there are none. */
export function say(key, values = {}) {
  const found = words[lang][key] ?? words.zh[key] ?? key;
  return Array.isArray(found) ? found.map((each) => fill(each, values)) : fill(found, values);
}

/** Whether there are words for `key`. */
export const knows = (key) => key in words.zh;

function fill(text, values) {
  const [one, many] = text.includes("|") ? text.split("|") : [text, text];
  return (values.n === 1 ? one : many).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}
