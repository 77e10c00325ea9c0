// What pages do without being loaded again. All of them work without it.
"use strict";

// A page that refreshes itself is fetched again at its own address, and what differs is changed in
// place: nodes stay, so that no focus, no scroll and no open part moves.
const main = document.querySelector("main[data-refresh]");
const PATIENCE = 15; // seconds

function renew(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
  for (const { name, value } of [...fresh.attributes]) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  renewChildren(old, fresh);
}

// A child with an id is followed wherever it goes; others are told apart by their places.
function renewChildren(old, fresh) {
  const kept = new Map([...old.children].filter((child) => child.id).map((child) => [child.id, child]));
  const wanted = [...fresh.childNodes];
  const ids = new Set(wanted.map((child) => child.id));
  for (const [id, child] of kept) if (!ids.has(id)) child.remove();
  let at = old.firstChild;
  for (const child of wanted) {
    // What is left of text before a child that stays: to take it away moves nothing.
    if (child.id && kept.has(child.id)) at = skipText(at, kept.get(child.id));
    const like = at && !at.id && !child.id && at.nodeType === child.nodeType && at.nodeName === child.nodeName;
    const match = child.id ? kept.get(child.id) : like ? at : undefined;
    if (match && match.nodeName === child.nodeName) {
      if (match === at) at = at.nextSibling;
      else if (old.moveBefore) old.moveBefore(match, at);
      else old.insertBefore(match, at);
      renew(match, child);
    } else {
      if (match) {
        if (match === at) at = at.nextSibling;
        match.remove();
      }
      old.insertBefore(child, at);
    }
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

function skipText(at, wanted) {
  while (at && at !== wanted && at.nodeType !== Node.ELEMENT_NODE) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
  return at;
}

async function refresh() {
  const focused = document.activeElement;
  try {
    const signal = AbortSignal.timeout(1000 * PATIENCE);
    const answer = await fetch(location.href, { headers: { "X-Refresh": "1" }, signal });
    if (answer.redirected) return location.reload();
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("main");
    if (!answer.ok || !fresh) throw new Error(String(answer.status));
    renew(main, document.adoptNode(fresh));
    document.title = page.title;
    if (!focused.isConnected) main.focus({ preventScroll: true });
  } catch {
    const banner = document.getElementById("away");
    if (banner) banner.textContent = "A server is away. This is the last state that was known.";
  }
}

// A page that is not shown while a server is away may come back as one that does not refresh itself.
function keepFresh() {
  if (!main || !main.dataset.refresh) return;
  setTimeout(async () => {
    if (!document.hidden) await refresh();
    keepFresh();
  }, 1000 * Number(main.dataset.refresh));
}

keepFresh();

// What a button shows to copy. Without scripts there is no such button.
document.documentElement.classList.add("scripted");
document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button || !navigator.clipboard) return;
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
  button.textContent = "Copied";
});
