
// Heat maps: drop-down of channels, and the cell under the pointer.
(() => {
  const tip = document.getElementById("tip");
  const short = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
  const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
  const source = document.querySelector('figure[data-panels="kpi_spend"] > script');
  const series = source ? JSON.parse(source.textContent) : null;

  const setUp = (figure) => {
    const stage = figure.querySelector(".stage");
    const data = JSON.parse(figure.querySelector("script").textContent);
    const charts = new Map([["0", stage.firstElementChild]]);
    const select = figure.querySelector("select");
    select?.addEventListener("change", () => {
      const template = figure.querySelector(`template[data-index="${select.value}"]`);
      if (!charts.has(select.value)) charts.set(select.value, template.content.firstElementChild.cloneNode(true));
      stage.replaceChildren(charts.get(select.value));
    });

    const words = (chart, row, week) => {
      if (data.codes) return [data.words[data.codes[row][week]], ""];
      const [panel, number] = JSON.parse(chart.dataset.cells)[row];
      return [series.labels[number], short.format(series.panels[panel][number][week])];
    };
    const line = (text, amount) => {
      const row = document.createElement("div");
      const value = document.createElement("b");
      row.className = "row";
      value.textContent = amount;
      row.append(text, value);
      return row;
    };
    const cursor = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    cursor.setAttribute("class", "cursor");
    const leave = () => { cursor.remove(); tip.hidden = true; };
    stage.addEventListener("pointerleave", leave);
    stage.addEventListener("pointermove", (event) => {
      const chart = stage.firstElementChild;
      const [left, right, top, bottom] = ["left", "right", "top", "bottom"].map((name) => Number(chart.dataset[name]));
      const box = chart.getBoundingClientRect();
      const scale = chart.viewBox.baseVal.width / box.width;
      const wide = (right - left) / data.dates.length;
      const high = (bottom - top) / data.rows.length;
      const week = Math.floor(((event.clientX - box.left) * scale - left) / wide);
      const row = Math.floor(((event.clientY - box.top) * scale - top) / high);
      if (week < 0 || week >= data.dates.length || row < 0 || row >= data.rows.length) return leave();
      const place = { x: left + week * wide, y: top + row * high, width: wide, height: high };
      for (const [name, value] of Object.entries(place)) cursor.setAttribute(name, value);
      chart.append(cursor);
      const when = document.createElement("div");
      when.className = "when";
      when.textContent = `${data.rows[row]}, week of ${day.format(new Date(data.dates[week]))}`;
      tip.replaceChildren(when, line(...words(chart, row, week)));
      tip.hidden = false;
      const size = tip.getBoundingClientRect();
      const x = event.clientX + 16 + size.width > window.innerWidth ? event.clientX - size.width - 16 : event.clientX + 16;
      tip.style.left = `${Math.max(x, 4)}px`;
      tip.style.top = `${Math.max(Math.min(event.clientY + 14, window.innerHeight - size.height - 8), 4)}px`;
    });
  };
  document.querySelectorAll("figure.heat").forEach(setUp);
})();
