// What is not needed at every door: the outbox, the log, notices, settings, the way out.

import { Page } from "../parts/frame.js";
import { Icon } from "../parts/icons.js";
import { timeWords } from "../parts/times.js";
import { html } from "../lib.js";
import { refresh } from "../sync.js";
import { say } from "../words.js";

export default function More(props) {
  const { view, line } = props;
  const rows = [
    ["outbox", "tray", line.waiting + line.refused],
    ["log", "book", 0],
    ["notices", "horn", 0],
    ...(view?.hints.length ? [["hints", "ask", view.hints.length]] : []),
    ["settings", "gear", 0],
  ];
  return html`<${Page} ...${props} title=${say("more.title")}>
    ${view && html`<p class="day"><b>${view.me.name}</b><br />${view.cells.map((cell) => cell.name).join(say("app.comma"))}</p>`}
    <nav class="rows" aria-label=${say("more.title")}>
      ${rows.map(([name, icon, n]) => html`<a class="row" href=${`#/${name}`}><${Icon} name=${icon} />
        <span>${say(`more.${name}`)}</span>${n > 0 && html`<b class="count">${n}</b>`}<${Icon} name="next" /></a>`)}
      <a class="row" href="/inbox"><${Icon} name="bell" /><span>${say("more.inbox")}</span><${Icon} name="next" /></a>
      ${view && html`<a class="row" href=${`/people/${view.me.id}`}><${Icon} name="leave" />
        <span>${say("more.leave")}</span><${Icon} name="next" /></a>`}
    </nav>
    ${view && html`<p class="card-soft">${say("app.updated", { when: timeWords(view.made_at) })}</p>`}
    <button type="button" class="btn btn-line btn-wide" onClick=${refresh}>${say("app.refresh")}</button>
  </${Page}>`;
}
