// Filters rows of a table by words, all of which must occur, and by the chosen kind. Works offline.
document.querySelectorAll(".filter").forEach((form) => {
  const rows = [...document.querySelectorAll(`#${form.dataset.table} tbody tr`)];
  const [words, kind] = [form.querySelector("input"), form.querySelector("select")];
  const told = form.querySelector("output");
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const apply = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, at) => {
      const fits = wanted.every((word) => texts[at].includes(word));
      row.hidden = !fits || (kind.value !== "" && row.dataset.kind !== kind.value);
      shown += row.hidden ? 0 : 1;
    });
    told.textContent = `${shown} of ${rows.length}`;
  };
  form.addEventListener("input", apply);
  apply();
});
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((d) => { d.open = true; }));
