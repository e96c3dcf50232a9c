// Asking for a division of a village; the draft has a page of its own.

import { ask, newId } from "./api.js";
import { byId, showFault } from "./task.js";

const words = JSON.parse(byId("words").textContent);
const form = byId("divide");
let intended = { key: "", id: "" };

async function read(file) {
  try {
    return JSON.parse(await file.text());
  } catch {
    return null;
  }
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  showFault(null);
  const [file] = byId("lines").files;
  const lines = file && await read(file);
  if (file && !lines) {
    showFault({ title: words.notJson, reasons: [] });
    return;
  }
  const body = { village: form.dataset.village, smallest: Number(byId("smallest").value),
    largest: Number(byId("largest").value), ...(lines ? { lines } : {}) };
  const key = JSON.stringify(body);
  if (key !== intended.key) intended = { key, id: newId() };
  byId("ask").disabled = true;
  try {
    const draft = await ask("POST", "/divisions", { id: intended.id, ...body }, words.offline);
    window.location.assign(`/divisions/${draft.id}`);
  } catch (refused) {
    showFault(refused);
    byId("ask").disabled = false;
  }
});

byId("ask").disabled = false; // sent before this listens, the form would go to the address of the page
