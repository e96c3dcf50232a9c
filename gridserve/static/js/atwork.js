// Something that a job is at, an import or a document: says what is being done, and shows the page anew when the state has changed.

const box = document.querySelector("[data-work]");
const words = box.querySelector("[role=status]");
const EVERY = 1000, AFTER_TROUBLE = 5000; // ms

async function look() {
  let wait = EVERY;
  try {
    const answer = await fetch(box.dataset.work, { headers: { Accept: "application/json", "X-Unattended": "1" } });
    if (answer.status === 401) return location.reload(); // signed out meanwhile
    if (!answer.ok) throw new Error(answer.status);
    const found = await answer.json();
    if (found.state !== box.dataset.state) return location.reload();
    if (found.doing) words.textContent = found.doing;
  } catch {
    wait = AFTER_TROUBLE; // the line is gone for a moment; the work goes on without us
  }
  setTimeout(look, wait);
}

setTimeout(look, EVERY);
