// The own cells and households on plain ground; works without signal. A tap shows the household.

import { Empty, HomeCard } from "../parts/cards.js";
import { Page } from "../parts/frame.js";
import { Ground } from "../parts/ground.js";
import { Icon } from "../parts/icons.js";
import { dueWords } from "../parts/times.js";
import { html, useMemo, useState } from "../lib.js";
import { position } from "../place.js";
import { say } from "../words.js";
import { NoData, ReportButton } from "./today.js";

export default function Map(props) {
  const { view } = props;
  const [chosen, setChosen] = useState(null); // id of a household
  const [here, setHere] = useState(null);
  const [state, setState] = useState("");
  const homes = useMemo(() => (view?.households ?? []).filter((home) => home.lon != null), [view?.made_at]);
  const cells = useMemo(() => view?.cells ?? [], [view?.made_at]);
  if (!view) return html`<${Page} ...${props} title=${say("map.title")}><${NoData} /></${Page}>`;
  if (!cells.length && !homes.length) {
    return html`<${Page} ...${props} title=${say("map.title")}>
      <${Empty} title=${say("map.none")} hint=${say("map.none_hint")} /></${Page}>`;
  }
  const locate = async () => {
    setState(say("today.locating"));
    const found = await position({ wait: 8000 });
    setHere(found);
    setState(found ? "" : say("map.off"));
  };
  const home = chosen && view.household(chosen);
  const unplaced = view.households.length - homes.length;
  return html`<${Page} ...${props} title=${say("map.title")} wide>
    <div class="map-page">
      <div class="legend"><span><i class="dot dot-due"></i>${say("map.due")}</span>
        <span><i class="dot"></i>${say("map.fine")}</span>
        ${unplaced > 0 && html`<span>${say("map.no_point", { n: unplaced })}</span>`}</div>
      <${Ground} cells=${cells} homes=${homes} here=${here} label=${say("map.label")}
        isDue=${(each) => dueWords(each.due, view.today)?.over} onHome=${({ id }) => setChosen(id)}
        onTap=${() => setChosen(null)} />
      <div class="map-acts">
        <p class="state" role="status">${state}</p>
        ${home ? html`<ul class="cards"><${HomeCard} home=${home} today=${view.today} here=${here} /></ul>`
          : html`<div class="two"><button type="button" class="btn btn-line" onClick=${locate}>
              <${Icon} name="pin" />${say("map.where")}</button>
            <${ReportButton} /></div>`}
      </div>
    </div></${Page}>`;
}
