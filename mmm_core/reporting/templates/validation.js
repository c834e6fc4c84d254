(() => {
  "use strict";
  const table = document.querySelector("table.matrix tbody");
  const rows = [...table.rows];
  const details = new Map([...document.querySelectorAll("details.geo")].map((part) => [part.dataset.geo, part]));
  const find = document.getElementById("find");
  const state = document.getElementById("state");
  const sort = document.getElementById("sort");
  const shown = document.getElementById("shown");

  const filter = () => {
    const text = find.value.trim().toLocaleLowerCase();
    let count = 0;
    for (const row of rows) {
      const there = (!state.value || row.dataset.state === state.value)
        && (!text || row.cells[0].textContent.toLocaleLowerCase().includes(text));
      row.hidden = !there;
      count += there;
      const part = details.get(row.dataset.geo);
      if (part) part.hidden = !there;
    }
    shown.textContent = count === rows.length ? "" : `${count} of ${rows.length} geos`;
  };
  const order = () => {
    const score = (row) => Number(row.cells[1].dataset.value);
    const sorted = sort.value ? [...rows].sort((one, other) => score(one) - score(other)) : rows;
    table.append(...sorted);
  };
  find.addEventListener("input", filter);
  state.addEventListener("change", filter);
  sort.addEventListener("change", order);

  // A link to a geo opens its findings; print shows all of them.
  const open = () => {
    const part = location.hash.startsWith("#geo-") && document.getElementById(location.hash.slice(1));
    if (part) part.open = true;
  };
  addEventListener("hashchange", open);
  addEventListener("beforeprint", () => details.forEach((part) => { part.open = true; }));
  open();
  if (details.size === 1) details.forEach((part) => { part.open = true; });
})();
