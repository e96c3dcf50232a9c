// The outbox: what waits with its photos, what was refused and why, what has just gone.

import { categoryName } from "../parts/cards.js";
import { Page } from "../parts/frame.js";
import { Icon } from "../parts/icons.js";
import { Refused, WasIt } from "../parts/refused.js";
import { timeWords } from "../parts/times.js";
import { html, useState } from "../lib.js";
import * as model from "../model.js";
import { send } from "../sync.js";
import { say } from "../words.js";

export default function Outbox(props) {
  const { view, line } = props;
  const items = view?.items ?? [];
  const of = (...states) => items.filter((each) => states.includes(each.state));
  const going = of("sent").filter((each) => each.photos_left); // arrived, its photos not yet
  const lists = { refused: of("refused"), waiting: [...of("waiting", "sending"), ...going],
    sent: of("sent").filter((each) => !each.photos_left).slice(0, 10) };
  return html`<${Page} ...${props} title=${say("outbox.title")} back="#/more"
    foot=${lists.waiting.length > 0 && html`<${SendNow} line=${line} />`}>
    <${State} line=${line} waiting=${lists.waiting.length} refused=${lists.refused.length} />
    ${lists.refused.length > 0 && html`<section aria-labelledby="h-refused">
      <h2 id="h-refused">${say("outbox.refused")}</h2>
      <ul class="cards">${lists.refused.map((item) => html`
        <${Refused} key=${item.id} item=${item} view=${view} title=${titleOf(item, view)} />`)}</ul></section>`}
    ${["waiting", "sent"].map((name) => lists[name].length > 0 && html`<section aria-labelledby=${`h-${name}`}>
      <h2 id=${`h-${name}`}>${say(`outbox.${name}`)}</h2>
      <ul class="cards">${lists[name].map((item) => html`<${Kept} key=${item.id} item=${item} view=${view} />`)}</ul>
    </section>`)}
  </${Page}>`;
}

/** The first thing that one wants to know, in words and large. */
function State({ line, waiting, refused }) {
  if (!waiting) {
    if (refused) return null;
    return html`<div class="empty"><span class="kept-mark"><${Icon} name="check" size="2rem" /></span>
      <p class="empty-title">${say("outbox.all")}</p><p>${say("outbox.all_hint")}</p></div>`;
  }
  const [title, hint] = line.online ? ["outbox.on", "outbox.on_hint"] : ["outbox.off", "outbox.off_hint"];
  return html`<div class="panel" role="status"><p class="state-title">
    ${say(line.sending ? "outbox.sending" : title, { n: waiting })}</p>
    <p>${say(hint, { n: waiting })}</p></div>`;
}

function SendNow({ line }) {
  const [state, setState] = useState("");
  const now = async () => {
    setState(say("outbox.trying"));
    await send();
    setState(navigator.onLine ? "" : say("outbox.no_line"));
  };
  return html`<p class="state" role="status">${state}</p>
    <button type="button" class="btn btn-main btn-wide" disabled=${line.sending} onClick=${now}>
      ${say(line.sending ? "outbox.sending" : "outbox.now")}</button>`;
}

/** One item that waits or has gone, with its photos. */
function Kept({ item, view }) {
  const photos = item.photos ?? [];
  const gone = photos.filter((each) => each.state === "sent").length;
  const going = photos.findIndex((each) => each.state === "sending");
  const held = item.state === "waiting" && item.hold_until > Date.now();
  return html`<li class="card card-plain"><b class="card-title">${titleOf(item, view)}</b>
    <span class="card-line card-soft">${[timeWords(item.made_at), held && say("outbox.held")].filter(Boolean).join(" · ")}</span>
    ${photos.length > 0 && html`<span class="card-line">${say("outbox.photo", { n: gone, all: photos.length })}</span>`}
    ${photos.filter((each) => each.state === "refused").map(({ problem }) => html`<p class="why">
      ${say("outbox.photo_refused")} ${[problem?.title, problem?.detail].filter(Boolean).join(" ")}</p>`)}
    ${going >= 0 && html`<progress max=${photos[going].size} value=${photos[going].sent}
      aria-label=${say("outbox.photo_now", { n: going + 1, percent: percent(photos[going]) })}></progress>`}
    ${item.suggested && html`<${WasIt} at=${item.suggested.started_at}
      onYes=${() => model.amend(item.id, { started_at: item.suggested.started_at })} />`}
    ${item.say?.length > 0 && html`<p class="quote">${item.say.join(" ")}</p>`}</li>`;
}

const percent = ({ sent, size }) => Math.round((100 * sent) / (size || 1));

/** What an item is, in words. */
function titleOf(item, view) {
  const { kind, data } = item;
  if (kind === "visit") {
    const name = view.household(data.household_id)?.name ?? "";
    return `${say("outbox.visit", { name })} · ${say(`outcome.${data.outcome}`)}`;
  }
  if (kind === "issue") return say("outbox.issue", { category: categoryName(view.category(data.category)) || data.category });
  const issue = view.issue(item.issue_id);
  const name = issue ? categoryName(view.category(issue.category)) : "";
  return say("outbox.step", { action: say(`action.${data.action}`), name });
}
