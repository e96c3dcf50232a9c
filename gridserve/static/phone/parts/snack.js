// The message that appears above the tabs after something was saved, and is read out once.

import { Icon } from "./icons.js";
import { html, useEffect, useState } from "../lib.js";
import { say } from "../words.js";

const UNDO_MS = 5000;
let shown = null;
const listeners = new Set();

function change(next) {
  shown = next;
  listeners.forEach((tell) => tell(next));
}

/** Show `words`. `undo` (a function) can be pressed for five seconds; `more` is {words, href};
 * `bad`: something could not be kept. */
export function snack(words, { undo, more, bad } = {}) {
  const mine = { words, undo, more, bad };
  change(mine);
  setTimeout(() => shown === mine && change(null), bad ? 15_000 : UNDO_MS);
}

/** Take the message away: another one has taken its place elsewhere. */
export const hush = () => change(null);

function useShown() {
  const [message, set] = useState(shown);
  useEffect(() => {
    listeners.add(set);
    return () => listeners.delete(set);
  }, []);
  return message;
}

/** Reads out what is shown. It stays while screens change: a new live region would be silent. */
export function Voice() {
  const message = useShown();
  return html`<p class="unseen" role="status" aria-live="polite">${message && !message.bad && message.words}</p>
    <p class="unseen" role="alert">${message?.bad && message.words}</p>`;
}

export function Snack() {
  const message = useShown();
  const undo = async () => {
    const done = await message.undo();
    snack(say(done === false ? "visit.too_late" : "visit.undone"));
  };
  return message && html`<div class=${message.bad ? "snack snack-bad" : "snack"}>
    <span class="snack-words"><${Icon} name=${message.bad ? "warn" : "check"} />${message.words}</span>
    <span class="snack-acts">
      ${message.more && html`<a class="snack-act" href=${message.more.href}
        onClick=${() => change(null)}>${message.more.words}</a>`}
      ${message.undo && html`<button type="button" class="snack-act" onClick=${undo}>
        ${say("visit.undo")}</button>`}
    </span>
  </div>`;
}
