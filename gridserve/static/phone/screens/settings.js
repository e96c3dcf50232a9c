// Settings: position, large type, language; signing out says what is still unsent.

import { Choice } from "../parts/fields.js";
import { Page } from "../parts/frame.js";
import { html, useEffect, useRef, useState } from "../lib.js";
import { signOut } from "../session.js";
import { setting } from "../store.js";
import { say, speak, spoken } from "../words.js";

const SIZES = ["1", "1.25", "1.5"];

/** Make everything as large as was chosen; sizes are in rem, on top of the phone's own. */
export function enlarge(size) {
  document.documentElement.style.fontSize = SIZES.includes(size) && size !== "1" ? `${size * 100}%` : "";
}

export default function Settings(props) {
  const { line } = props;
  const [chosen, setChosen] = useState({ position: "off", large: "1", lang: spoken() });
  useEffect(() => {
    Promise.all(["position", "large"].map((name) => setting(name))).then(([position, large]) =>
      setChosen((now) => ({ ...now, position: position ?? "off", large: large ?? "1" })));
  }, []);
  const put = (name, value) => {
    if (name === "large") enlarge(value);
    if (name === "lang") speak(value);
    setChosen({ ...chosen, [name]: value });
    setting(name, value);
  };
  const field = (name, label, options, hint) => html`<section aria-label=${label}>
    <h2>${label}</h2>${hint && html`<p>${hint}</p>`}
    <${Choice} label=${label} value=${chosen[name]} options=${options} onChange=${(value) => put(name, value)} /></section>`;
  return html`<${Page} ...${props} title=${say("settings.title")} back="#/more">
    ${field("large", say("settings.large"), SIZES.map((size) => [size, say(`settings.large.${size}`)]))}
    ${field("position", say("settings.position"), [["off", say("settings.off")], ["on", say("settings.on")]],
      say("settings.position_hint"))}
    ${field("lang", say("settings.lang"), [["zh", "中文"], ["en", "English"]])}
    ${line.online && html`<section><a class="btn btn-line btn-wide" href="/account">${say("settings.account")}</a></section>`}
    <section><a class="btn btn-line btn-wide" href="#/hello">${say("settings.hello")}</a></section>
    <${SignOut} line=${line} /></${Page}>`;
}

function SignOut({ line }) {
  const [asked, setAsked] = useState(false);
  const head = useRef();
  const unsent = line.waiting + line.refused;
  useEffect(() => { if (asked) head.current.focus(); }, [asked]);
  if (!asked) {
    return html`<section><button type="button" class="btn btn-line btn-wide" onClick=${() => setAsked(true)}>
      ${say("settings.sign_out")}</button></section>`;
  }
  return html`<section class="panel" role="alertdialog" aria-labelledby="h-out">
    <h2 id="h-out" tabindex="-1" ref=${head}>${say("settings.sign_out")}</h2>
    ${unsent > 0 && html`<p class="why">${say("settings.sign_out_sure", { n: unsent })}</p>`}
    <p>${say("settings.sign_out_wipe")}</p>
    <div class="stack">
      ${unsent > 0 && line.online && html`<a class="btn btn-main" href="#/outbox">${say("settings.send_first")}</a>`}
      <button type="button" class="btn btn-line" onClick=${() => setAsked(false)}>${say("settings.stay")}</button>
      <button type="button" class="btn btn-press" onClick=${() => signOut({ keep: unsent > 0 })}>${say("settings.sign_out_yes")}</button>
    </div></section>`;
}
