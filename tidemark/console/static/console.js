// What pages do without being loaded again. All of them work without it.
"use strict";

// A page that refreshes itself is fetched again at its own address, and what differs is changed in
// place: nodes stay, so that no focus, no scroll and no open part moves.
const main = document.querySelector("main[data-refresh]");

function same(old, fresh) {
  return old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName && (old.id || "") === (fresh.id || "");
}

function renew(old, fresh) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  const wanted = [...fresh.childNodes];
  for (let place = 0; place < wanted.length; place++) {
    let there = old.childNodes[place];
    if (there && wanted[place].id && !same(there, wanted[place])) {
      const kept = [...old.children].find((child) => same(child, wanted[place]));
      if (kept) there = old.insertBefore(kept, there);
    }
    if (there && same(there, wanted[place])) renew(there, wanted[place]);
    else if (there && there.nodeType !== Node.TEXT_NODE && there.id) old.insertBefore(wanted[place], there);
    else if (there) old.replaceChild(wanted[place], there);
    else old.appendChild(wanted[place]);
  }
  while (old.childNodes.length > wanted.length) old.lastChild.remove();
}

async function refresh() {
  const banner = document.getElementById("away");
  try {
    const answer = await fetch(location.href, { headers: { "X-Refresh": "1" } });
    if (answer.redirected) return location.reload();
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
    if (!answer.ok || !fresh) throw new Error(String(answer.status));
    renew(main, document.adoptNode(fresh));
    banner.hidden = true;
  } catch {
    banner.hidden = false;
  }
}

if (main) setInterval(() => document.hidden || refresh(), 1000 * Number(main.dataset.refresh));

// What a button shows to copy.
document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-copy]");
  if (button) navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
});
