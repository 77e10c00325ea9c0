// The two times of a key's page, without loading it again. The form and the links do the same without it.
"use strict";
{
  const page = document.getElementById("content");
  const form = () => page.querySelector("form[data-live]");
  let asked = null;

  // The address is that of the form as it stands, so that a reload and a link show the same.
  async function show() {
    asked?.abort();
    asked = new AbortController();
    const given = [...new FormData(form())].filter(([, value]) => value !== "");
    const address = `${form().action}?${new URLSearchParams(given)}`;
    try {
      const answer = await fetch(address, { signal: asked.signal });
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("content");
      if (!fresh?.querySelector("form[data-live]")) return location.assign(address);
      history.replaceState(null, "", address);
      renew(page, document.adoptNode(fresh));
      reveal();
    } catch (error) {
      if (error.name !== "AbortError") location.assign(address);
    }
  }

  // What is of no use without this file is hidden until here. Fields show what the page was asked for.
  function reveal() {
    for (const field of form().querySelectorAll("input[name]")) field.value = field.getAttribute("value") ?? "";
    for (const option of form().querySelectorAll("option")) option.selected = option.hasAttribute("selected");
    for (const one of page.querySelectorAll("[data-js]")) one.hidden = false;
    const range = page.querySelector("input[type=range]");
    const batch = page.querySelector("select[name=batch]");
    if (range && document.activeElement !== range) range.value = batch.selectedIndex;
    if (range) range.setAttribute("aria-valuetext", batch.selectedOptions[0].text.trim());
  }

  page.addEventListener("input", (event) => {
    if (event.target.type !== "range") return;
    page.querySelector("select[name=batch]").selectedIndex = event.target.value;
    show();
  });
  page.addEventListener("change", (event) => event.target.closest("form[data-live]") && event.target.type !== "range" && show());
  page.addEventListener("submit", (event) => {
    if (event.target !== form()) return;
    event.preventDefault();
    show();
  });

  // A click beside the bars moves the cursor; arrow keys walk from bar to bar and from lane to lane.
  page.addEventListener("click", (event) => {
    const svg = event.target.closest("svg.lanes");
    if (!svg || event.target.closest("a")) return;
    const { left, width } = svg.getBoundingClientRect();
    const x = ((event.clientX - left) / width) * svg.viewBox.baseVal.width;
    const { first, last, left: begin, right: end } = svg.dataset;
    const part = (x - begin) / (end - begin);
    if (part < 0 || part > 1) return;
    form().at.value = new Date(1000 * (Number(first) + part * (last - first))).toISOString();
    show();
  });
  page.addEventListener("keydown", (event) => {
    const lane = event.target.closest?.("svg.lanes g.lane");
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!lane || !step) return;
    event.preventDefault();
    const lanes = [...lane.parentNode.querySelectorAll("g.lane")].filter((one) => one.querySelector("a"));
    const here = lanes.indexOf(lane);
    const there = lanes[here + step[1]];
    if (!there) return;
    const stops = [...there.querySelectorAll("a")];
    const place = [...lane.querySelectorAll("a")].indexOf(event.target.closest("a")) + step[0];
    stops[Math.min(Math.max(place, 0), stops.length - 1)].focus();
  });

  reveal();
}
