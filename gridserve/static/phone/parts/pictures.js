// Photos that are taken, kept on the phone at once, and shown; a signature with a finger.

import { Icon } from "./icons.js";
import { html, useEffect, useRef, useState } from "../lib.js";
import { shrink, signatureBlob } from "../photos.js";
import { photo, putPhoto } from "../store.js";
import { say } from "../words.js";

export const MOST = 9;

/** Take, show and remove photos. `value`: sha256 sums; `onChange` gets the new list.
 *
 * `onOpen` is called before the camera is: the page may wait for a while. */
export function Photos({ value, onChange, onOpen }) {
  const [working, setWorking] = useState(false);
  const [fault, setFault] = useState("");
  const input = useRef();
  const album = useRef();
  const newest = useRef(value);
  newest.current = value; // another one may come or go while this one is made small
  const take = async (event) => {
    const files = [...event.target.files].slice(0, MOST - value.length);
    event.target.value = "";
    setFault("");
    setWorking(true);
    const added = [];
    for (const file of files) {
      try {
        added.push(await putPhoto(await shrink(file)));
      } catch (error) {
        setFault(say(error.code === "full" ? "app.full" : window.isSecureContext ? "photo.bad" : "photo.insecure"));
      }
    }
    setWorking(false);
    if (added.length) onChange([...new Set([...newest.current, ...added])]);
  };
  const open = (which) => {
    onOpen?.();
    which.current.click();
  };
  return html`<div class="photos">
    ${value.map((sha, at) => html`<div class="photo" key=${sha}>
      <${Shown} sha=${sha} words=${say("photo.nth", { n: at + 1 })} />
      <button type="button" class="photo-off" aria-label=${say("photo.remove", { n: at + 1 })}
        onClick=${() => onChange(value.filter((each) => each !== sha))}><${Icon} name="close" /></button>
    </div>`)}
    ${value.length < MOST ? html`<button type="button" class="photo-add" onClick=${() => open(input)}
        disabled=${working}><${Icon} name="camera" size="2em" />
        <span>${say(working ? "photo.working" : value.length ? "photo.more" : "photo.take")}</span></button>
      <button type="button" class="photo-add" onClick=${() => open(album)} disabled=${working}>
        <${Icon} name="album" size="2em" /><span>${say("photo.pick")}</span></button>`
      : html`<p class="state">${say("photo.full", { n: MOST })}</p>`}
    ${[[input, "environment"], [album, undefined]].map(([ref, capture]) => html`<input ref=${ref} type="file"
      accept="image/*" capture=${capture} multiple=${!capture} class="unseen" tabindex="-1" aria-hidden="true"
      onChange=${take} />`)}
    <p class="fault" role="alert">${fault}</p>
  </div>`;
}

/** A photo by its sum: from the phone where it is there, otherwise from the server. */
export function Shown({ sha, words }) {
  const [source, setSource] = useState(null);
  useEffect(() => {
    let address = null;
    let gone = false;
    photo(sha).then((blob) => {
      if (gone) return;
      if (blob) address = URL.createObjectURL(blob);
      setSource(address ?? (navigator.onLine ? `/api/v1/photos/${sha}?size=thumb` : ""));
    });
    return () => {
      gone = true;
      if (address) URL.revokeObjectURL(address);
    };
  }, [sha]);
  if (source === "") return html`<span class="photo-away">${say("issue.photo_offline")}</span>`;
  return source && html`<img src=${source} alt=${words} onError=${() => setSource("")} />`;
}

/** A place to sign with a finger; `onChange` gets the sum of the picture, or null. */
export function Signature({ onChange }) {
  const canvas = useRef();
  const pen = useRef(null);
  const signed = useRef(false);
  useEffect(() => {
    const sheet = canvas.current;
    const scale = Math.min(2, window.devicePixelRatio || 1);
    sheet.width = sheet.clientWidth * scale;
    sheet.height = sheet.clientHeight * scale;
    clear(sheet);
  }, []);
  const at = (event) => {
    const box = canvas.current.getBoundingClientRect();
    const scale = canvas.current.width / box.width;
    return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  };
  const begin = (event) => {
    canvas.current.setPointerCapture(event.pointerId);
    pen.current = at(event);
  };
  const draw = (event) => {
    if (!pen.current) return;
    const to = at(event);
    stroke(canvas.current, pen.current, to);
    pen.current = to;
    signed.current = true;
  };
  const end = async () => {
    if (!pen.current) return;
    pen.current = null;
    if (signed.current) onChange(await putPhoto(await signatureBlob(canvas.current)));
  };
  const again = () => {
    signed.current = false;
    clear(canvas.current);
    onChange(null);
  };
  return html`<div class="field"><span class="label">${say("step.signature")}</span>
    <canvas ref=${canvas} class="signature" role="img" aria-label=${say("step.signature_label")}
      onPointerDown=${begin} onPointerMove=${draw} onPointerUp=${end} onPointerCancel=${end}></canvas>
    <button type="button" class="btn btn-line" onClick=${again}>${say("step.signature_clear")}</button></div>`;
}

function clear(canvas) {
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
}

function stroke(canvas, from, to) {
  const pen = canvas.getContext("2d");
  pen.strokeStyle = "#16202a";
  pen.lineWidth = canvas.width / 110;
  pen.lineCap = "round";
  pen.beginPath();
  pen.moveTo(...from);
  pen.lineTo(...to);
  pen.stroke();
}
