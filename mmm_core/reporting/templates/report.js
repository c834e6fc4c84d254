"use strict";
(() => {
  const tip = document.getElementById("tip");
  const short = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
  const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });

  const place = (event) => {
    tip.hidden = false;
    const { width, height } = tip.getBoundingClientRect();
    const left = event.clientX + 16 + width > window.innerWidth ? event.clientX - width - 16 : event.clientX + 16;
    const top = Math.min(event.clientY + 14, window.innerHeight - height - 8);
    tip.style.left = `${Math.max(left, 4)}px`;
    tip.style.top = `${Math.max(top, 4)}px`;
  };
  const hide = () => { tip.hidden = true; };

  // Marks that bring their own text.
  document.addEventListener("pointermove", (event) => {
    const mark = event.target.closest("[data-tip]");
    if (mark) {
      tip.textContent = mark.dataset.tip;
      place(event);
    } else if (!event.target.closest(".stage")) {
      hide();
    }
  });
  document.addEventListener("scroll", hide, { passive: true });

  // Charts over weeks: geo drop-down, legend, week under the pointer.
  const setUp = (figure) => {
    const stage = figure.querySelector(".stage");
    const data = JSON.parse(figure.querySelector("script").textContent);
    const first = stage.firstElementChild;
    const charts = new Map([["0", first]]);
    let focus = null;

    const emphasize = () => {
      stage.classList.toggle("focused", focus !== null);
      for (const path of stage.querySelectorAll("path.area")) path.classList.toggle("on", path.classList.contains(`s${focus}`));
      for (const key of figure.querySelectorAll("button.key")) key.setAttribute("aria-pressed", String(key.dataset.series === focus));
    };
    for (const key of figure.querySelectorAll("button.key")) {
      key.addEventListener("click", () => {
        focus = focus === key.dataset.series ? null : key.dataset.series;
        emphasize();
      });
    }

    const select = figure.querySelector("select");
    select?.addEventListener("change", () => {
      const template = figure.querySelector(`template[data-index="${select.value}"]`);
      if (!charts.has(select.value)) charts.set(select.value, template.content.firstElementChild.cloneNode(true));
      stage.replaceChildren(charts.get(select.value));
      emphasize();
    });

    const cross = document.createElementNS("http://www.w3.org/2000/svg", "line");
    cross.setAttribute("class", "cross");
    const row = (number, value) => {
      const line = document.createElement("div");
      const swatch = document.createElement("i");
      const amount = document.createElement("b");
      line.className = "row";
      swatch.style.background = data.colors[number];
      amount.textContent = short.format(value);
      line.append(swatch, data.labels[number], amount);
      return line;
    };
    stage.addEventListener("pointermove", (event) => {
      const chart = stage.firstElementChild;
      const { left, right, top, bottom, panel } = chart.dataset;
      const box = chart.getBoundingClientRect();
      const x = (event.clientX - box.left) * chart.viewBox.baseVal.width / box.width;
      const weeks = data.dates.length;
      const week = Math.round((x - left) / (right - left) * Math.max(weeks - 1, 1));
      if (week < 0 || week >= weeks) return leave();
      const at = Number(left) + week / Math.max(weeks - 1, 1) * (right - left);
      for (const [name, value] of [["x1", at], ["x2", at], ["y1", top], ["y2", bottom]]) cross.setAttribute(name, value);
      chart.append(cross);
      const when = document.createElement("div");
      when.className = "when";
      when.textContent = `Week of ${day.format(new Date(data.dates[week]))}`;
      const rows = data.panels[panel].map((series, number) => [number, series[week]]).filter(([, value]) => value !== null);
      // Stacked layers are listed as they lie: the top one first.
      if (figure.dataset.panels === "contributions") rows.reverse();
      tip.replaceChildren(when, ...rows.map(([number, value]) => row(number, value)));
      place(event);
    });
    const leave = () => { cross.remove(); hide(); };
    stage.addEventListener("pointerleave", leave);
  };
  document.querySelectorAll("figure.panels").forEach(setUp);

  // Parts of which one is shown at a time; without this script all are, one below the other.
  const choose = (group) => {
    const items = [...group.querySelectorAll(":scope > .choice")];
    if (items.length < Number(group.dataset.from ?? 2)) return;
    const label = document.createElement("label");
    const select = document.createElement("select");
    label.className = "chooser";
    items.forEach((item, number) => select.add(new Option(item.dataset.name, String(number))));
    const show = () => items.forEach((item, number) => { item.hidden = String(number) !== select.value; });
    select.addEventListener("change", show);
    label.append(`${group.dataset.choose} `, select);
    group.prepend(label);
    group.classList.add("ready");
    show();
  };
  document.querySelectorAll(".choices").forEach(choose);

  // Long tables: the first rows, and a button for the others.
  const shorten = (table) => {
    const rows = [...table.tBodies[0].rows];
    const top = Number(table.dataset.top);
    rows.slice(top).forEach((row) => row.classList.add("more"));
    const button = document.createElement("button");
    button.type = "button";
    button.className = "all";
    const update = (short) => {
      table.classList.toggle("short", short);
      button.textContent = short ? `Show all ${rows.length} rows` : `Show the first ${top} rows`;
      button.setAttribute("aria-expanded", String(!short));
    };
    button.addEventListener("click", () => update(!table.classList.contains("short")));
    update(true);
    (table.closest(".scroll") ?? table).after(button);
  };
  document.querySelectorAll("table[data-top]").forEach(shorten);

  // The section in view is marked in the navigation.
  const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      links.forEach((link, id) => link.classList.toggle("here", id === entry.target.id));
    }
  }, { rootMargin: "-20% 0px -70% 0px" });
  document.querySelectorAll("main section").forEach((section) => seen.observe(section));
})();
