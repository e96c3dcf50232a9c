// A field that finds while one types: a list below it, by mouse, by thumb or by keys alone.

import { element } from "./map.js";

const WAIT = 200; // ms after the last key before the server is asked

/** Call `act` once nothing has happened for `wait` ms. */
export function settled(act, wait) {
  let timer;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(...given), wait);
  };
}

/** Make the field `id` find: `find(words)` gives [{value, label, note}], at once or as a promise;
 * `chosen(item)` hears what was taken, and null when the words no longer stand for it. */
export function search(id, find, chosen, words, wait = WAIT) {
  const input = document.getElementById(id);
  const list = document.getElementById(`${id}-list`);
  let items = [], at = -1, asked = 0;

  function close() {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  function mark(index) {
    at = index;
    [...list.children].forEach((row, i) => row.setAttribute("aria-selected", String(i === at)));
    list.children[at]?.scrollIntoView({ block: "nearest" });
    if (items[at]) input.setAttribute("aria-activedescendant", `${id}-${at}`);
  }

  function take(index) {
    const item = items[index];
    if (!item) return;
    input.value = item.label;
    input.setCustomValidity("");
    close();
    chosen(item);
  }

  function show(found) {
    items = found;
    list.replaceChildren(...found.map((item, i) => {
      const row = element("li");
      row.id = `${id}-${i}`;
      row.setAttribute("role", "option");
      row.append(element("span", "", item.label), element("span", "row-note", item.note));
      row.addEventListener("pointerdown", (event) => { event.preventDefault(); take(i); });
      return row;
    }));
    if (!found.length) list.append(element("li", "search-none", words.nothing));
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    mark(found.length ? 0 : -1);
  }

  const look = settled(async () => {
    const turn = ++asked;
    const said = input.value.trim();
    if (!said) return close();
    const found = await Promise.resolve(find(said)).catch(() => []);
    if (turn === asked && document.activeElement === input) show(found);
  }, wait);

  input.addEventListener("input", () => { chosen(null); look(); });
  input.addEventListener("keydown", async (event) => {
    const open = !list.hidden;
    if (event.key === "ArrowDown" && !open) return look();
    if (!open) return;
    if (event.key === "ArrowDown") mark((at + 1) % items.length);
    else if (event.key === "ArrowUp") mark((at + items.length - 1) % items.length);
    else if (event.key === "Enter" && !event.ctrlKey) take(at);
    else if (event.key === "Escape") close();
    else if (event.key === "Tab" && items[at]) { take(at); return; }
    else return;
    event.preventDefault();
  });
  input.addEventListener("blur", () => { asked += 1; close(); });
}
