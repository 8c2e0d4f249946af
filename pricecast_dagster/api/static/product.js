// The page of one product: draws the chart, downloads the forecast, asks for a training and tells how it goes.
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const locale = document.documentElement.dataset.locale;
const currency = document.documentElement.dataset.currency;
const chart = document.getElementById("chart");
const ranges = [...document.querySelectorAll("[data-days]")];
const showEarlier = document.getElementById("earlier");
const showQuantity = document.getElementById("quantity");

// Names and marks of the reader's language, from the browser itself.
function registerLocale() {
  const name = (options) => (day) => new Intl.DateTimeFormat(locale, { timeZone: "UTC", ...options }).format(day);
  const days = [...Array(7).keys()].map((day) => new Date(Date.UTC(2026, 1, 1 + day)));
  const months = [...Array(12).keys()].map((month) => new Date(Date.UTC(2026, month, 15)));
  const portuguese = locale === "pt-BR";
  Plotly.register({
    moduleType: "locale",
    name: "reader",
    dictionary: {},
    format: {
      days: days.map(name({ weekday: "long" })),
      shortDays: days.map(name({ weekday: "short" })),
      months: months.map(name({ month: "long" })),
      shortMonths: months.map(name({ month: "short" })),
      date: portuguese ? "%d/%m/%Y" : "%-d %b %Y",
      decimal: portuguese ? "," : ".",
      thousands: portuguese ? "." : ",",
    },
  });
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function bands(forecast) {
  const band = (level, strength) => [
    { x: forecast.date, y: forecast[`lower_${level}`], mode: "lines", line: { width: 0 }, hoverinfo: "skip", showlegend: false },
    {
      x: forecast.date, y: forecast[`upper_${level}`], mode: "lines", line: { width: 0 }, fill: "tonexty",
      fillcolor: `rgba(${colour("--band")}, ${strength})`, name: `${level} % band`,
      customdata: forecast[`lower_${level}`], hovertemplate: "%{customdata:,.2f} – %{y:,.2f}",
    },
  ];
  return [...band(95, 0.16), ...band(80, 0.3)];
}

function traces() {
  const price = { x: data.history.date, y: data.history.price, name: "Price", mode: "lines", line: { color: colour("--ink"), width: 1.6, shape: "hv" }, hovertemplate: "%{y:,.2f}" };
  const found = [price];
  if (data.forecast) {
    found.push(...bands(data.forecast));
    found.push({ x: data.forecast.date, y: data.forecast.price, name: "Forecast", mode: "lines+markers", marker: { size: 5 }, line: { color: colour("--brand"), width: 2.4 }, hovertemplate: "%{y:,.2f}" });
  }
  if (showEarlier.checked) {
    for (const one of data.earlier) {
      found.push({ x: one.date, y: one.price, name: `from ${one.origin}`, mode: "lines", line: { color: colour("--warn"), width: 1.3, dash: "dot" }, hovertemplate: "%{y:,.2f}" });
    }
  }
  if (showQuantity.checked) {
    found.push({ x: data.history.date, y: data.history.quantity, name: "Quantity", type: "bar", yaxis: "y2", marker: { color: colour("--soft"), opacity: 0.35 }, hovertemplate: "%{y:,.0f}" });
  }
  return found;
}

function shownDays() {
  const pressed = ranges.find((button) => button.getAttribute("aria-pressed") === "true");
  return Number(pressed.dataset.days);
}

function draw() {
  const last = data.forecast ? data.forecast.date.at(-1) : data.history.date.at(-1);
  const days = shownDays();
  const first = days ? new Date(Date.parse(last) - days * 86400000).toISOString().slice(0, 10) : data.history.date[0];
  const inside = (series) => (series ? series.date.map((day, row) => [day, row]).filter(([day]) => day >= first).map(([, row]) => row) : []);
  const values = [
    ...inside(data.history).map((row) => data.history.price[row]),
    ...inside(data.forecast).flatMap((row) => [data.forecast.lower_95[row], data.forecast.upper_95[row]]),
  ];
  const low = Math.min(...values), high = Math.max(...values), room = (high - low || high * 0.1 || 1) * 0.08;
  const narrow = chart.clientWidth < 600;
  const layout = {
    margin: { l: 60, r: showQuantity.checked ? 45 : 15, t: 10, b: 40 }, hovermode: "x unified", dragmode: narrow ? false : "zoom",
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: colour("--ink"), family: "system-ui, sans-serif" },
    hoverlabel: { bgcolor: colour("--card"), bordercolor: colour("--line"), font: { color: colour("--ink") } },
    legend: { orientation: "h", y: -0.12 }, showlegend: !narrow,
    xaxis: { range: [first, last], gridcolor: colour("--line"), hoverformat: locale === "pt-BR" ? "%a %d/%m/%Y" : "%a %-d %b %Y" },
    yaxis: { title: { text: currency }, range: [Math.max(0, low - room), high + room], gridcolor: colour("--line"), tickformat: ",.2f" },
    yaxis2: { title: { text: "quantity" }, overlaying: "y", side: "right", rangemode: "tozero", showgrid: false },
    shapes: data.forecast ? [{ type: "line", x0: data.forecast.origin, x1: data.forecast.origin, yref: "paper", y0: 0, y1: 1, line: { color: colour("--soft"), dash: "dot", width: 1 } }] : [],
  };
  Plotly.react(chart, traces(), layout, { locale: "reader", responsive: true, displaylogo: false, displayModeBar: false });
}

function download() {
  const names = ["price", "lower_80", "upper_80", "lower_95", "upper_95"];
  const rows = data.forecast.date.map((day, row) => [day, ...names.map((name) => data.forecast[name][row])].join(","));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([["date", ...names].join(",") + "\n" + rows.join("\n") + "\n"], { type: "text/csv" }));
  link.download = `${data.sku.replace(/[^\p{L}\p{N}._-]+/gu, "_")}.csv`;
  link.click();
  URL.revokeObjectURL(link.href);
}

const words = { queued: "Waiting for its turn", running: "Training", succeeded: "Done", failed: "It failed", canceled: "It was canceled" };

async function answer(response) {
  const found = await response.json();
  if (!response.ok) throw new Error(`${found.detail} ${found.remedy}`);
  return found;
}

async function retrain(event) {
  event.preventDefault();
  const status = document.getElementById("status");
  const button = event.target.querySelector("button");
  const started = Date.now();
  button.disabled = true;
  status.className = "";
  status.textContent = "Asking Dagster for a run …";
  try {
    const optimize = event.target.elements.optimize.checked;
    let job = await fetch(`/ml/train/${encodeURIComponent(data.sku)}?optimize=${optimize}`, { method: "POST" }).then(answer);
    while (job.status === "queued" || job.status === "running") {
      status.textContent = `${words[job.status]}: run ${job.job_id.slice(0, 8)}, ${Math.round((Date.now() - started) / 1000)} s`;
      await new Promise((done) => setTimeout(done, 1000));
      job = await fetch(job.status_url).then(answer);
    }
    const told = job.result ? `: ${job.result.message.replace(/\.$/, "")}` : "";
    status.textContent = `${words[job.status]}${told}.`;
    if (job.result && job.result.success) {
      status.textContent = `New version ${job.result.version}${told}. The page is loaded again.`;
      setTimeout(() => location.reload(), 1500);
    } else {
      status.className = "error";
    }
  } catch (error) {
    status.className = "error";
    status.textContent = error.message;
  }
  button.disabled = false;
}

registerLocale();
draw();
for (const button of ranges) {
  button.addEventListener("click", () => {
    ranges.forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
    draw();
  });
}
showEarlier.addEventListener("change", draw);
showQuantity.addEventListener("change", draw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
document.getElementById("download")?.addEventListener("click", download);
document.getElementById("retrain").addEventListener("submit", retrain);
