// Draws what the elements with data-chart hold; without it the tables tell the same. Colours come from the style
// sheet through currentColor, so that light, dark and print need no second drawing.
"use strict";
(() => {
  const COLOURS = 6;
  const colour = (series) => `c${((series.colour - 1) % COLOURS) + 1}`;
  const format = d3.format(".4~g");
  const ends = (points, ...fields) => d3.extent(points.flatMap((point) => fields.map((field) => point[field])));
  const described = (point, chart, name) =>
    [
      point.label && chart.kind === "path" ? `iteration ${point.label}` : point.label || name,
      chart.kind === "lines" ? `${chart.x} ${format(point.x)}` : null,
      point.y === undefined
        ? `${format(point.x)}${point.left === undefined ? "" : ` (${format(point.left)} to ${format(point.right)})`}`
        : `${chart.kind === "path" ? `${chart.x} ${format(point.x)}, accuracy ` : ""}${format(point.y)}` +
          (point.low === undefined ? "" : ` (${format(point.low)} to ${format(point.high)})`),
    ]
      .filter(Boolean)
      .join(", ");

  function frame(element, width, height) {
    return d3
      .select(element)
      .append("svg")
      .attr("viewBox", `0 0 ${width} ${height}`)
      .attr("aria-hidden", "true");
  }

  function wide(domain, share) {
    const [low, high] = domain;
    const room = (high - low) * share || Math.abs(high) * 0.05 || 0.5;
    return [low - room, high + room];
  }

  function axes(svg, chart, x, y, box, whole) {
    const ticks = whole ? x.ticks(Math.min(8, box.width / 45)).filter(Number.isInteger) : x.ticks(box.width / 70);
    svg
      .append("g")
      .attr("class", "grid")
      .selectAll("line")
      .data(y.ticks(5))
      .join("line")
      .attr("x1", box.left)
      .attr("x2", box.right)
      .attr("y1", y)
      .attr("y2", y);
    svg
      .append("g")
      .attr("class", "axis")
      .attr("transform", `translate(0,${box.bottom})`)
      .call(d3.axisBottom(x).tickValues(ticks).tickFormat(whole ? d3.format("d") : null).tickSizeOuter(0));
    svg
      .append("g")
      .attr("class", "axis")
      .attr("transform", `translate(${box.left},0)`)
      .call(d3.axisLeft(y).ticks(5).tickSizeOuter(0))
      .call((axis) => axis.select(".domain").remove());
    svg.append("text").attr("x", box.right).attr("y", box.bottom + 32).attr("text-anchor", "end").text(chart.x);
    svg.append("text").attr("x", 0).attr("y", 11).text(chart.y);
  }

  function plane(element, chart) {
    const width = Math.max(240, element.clientWidth);
    const height = Math.round(Math.min(300, Math.max(190, width * 0.62)));
    const box = { left: 44, right: width - 12, top: 24, bottom: height - 38 };
    box.width = box.right - box.left;
    const all = chart.series.flatMap((series) => series.points);
    const svg = frame(element, width, height);
    const across = ends(all, "x", "left", "right");
    const x = d3.scaleLinear(chart.kind === "path" || across[0] === across[1] ? wide(across, 0.12) : across, [
      box.left + (chart.kind === "lines" ? 8 : 0),
      box.right - (chart.kind === "lines" ? 8 : 0),
    ]);
    const upright = wide(ends(all, "y", "low", "high"), 0.08);
    // What cannot be negative has no room below 0.
    if (d3.min(all, (point) => point.y) >= 0) upright[0] = Math.max(0, upright[0]);
    if (chart.y === "share right") upright[1] = Math.min(1, upright[1]);
    const y = d3.scaleLinear(upright, [box.bottom, box.top]).nice(5);
    axes(svg, chart, x, y, box, chart.kind === "lines" && chart.whole);
    const line = d3
      .line()
      .x((point) => x(point.x))
      .y((point) => y(point.y));
    const area = d3
      .area()
      .defined((point) => point.low !== undefined)
      .x((point) => x(point.x))
      .y0((point) => y(point.low))
      .y1((point) => y(point.high));
    for (const series of chart.series) {
      const group = svg.append("g").attr("class", colour(series));
      const many = series.points.length > 12;
      if (chart.kind === "lines") {
        group.append("path").attr("class", "band").attr("d", area(series.points));
      }
      // What has one point among longer lines is there to be compared with: a level.
      if (chart.kind === "lines" && series.points.length === 1) {
        group
          .append("line")
          .attr("class", "level")
          .attr("x1", x.range()[0])
          .attr("x2", x.range()[1])
          .attr("y1", y(series.points[0].y))
          .attr("y2", y(series.points[0].y));
      }
      // A band over a single point has no width.
      const barred = chart.kind === "path" || series.points.length === 1;
      const whiskers = barred ? series.points.filter((point) => point.low !== undefined) : [];
      group
        .selectAll(".upright")
        .data(whiskers)
        .join("line")
        .attr("class", "whisker")
        .attr("x1", (point) => x(point.x))
        .attr("x2", (point) => x(point.x))
        .attr("y1", (point) => y(point.low))
        .attr("y2", (point) => y(point.high));
      group
        .selectAll(".across")
        .data(whiskers.filter((point) => point.left !== undefined))
        .join("line")
        .attr("class", "whisker")
        .attr("x1", (point) => x(point.left))
        .attr("x2", (point) => x(point.right))
        .attr("y1", (point) => y(point.y))
        .attr("y2", (point) => y(point.y));
      group
        .append("path")
        .attr("class", `line${series.dashed ? " dashed" : ""}${many ? " thin" : ""}`)
        .attr("d", line(series.points));
      group
        .selectAll("circle")
        .data(series.points)
        .join("circle")
        .attr("class", "dot")
        .attr("cx", (point) => x(point.x))
        .attr("cy", (point) => y(point.y))
        .attr("r", many ? 1.5 : 4)
        .append("title")
        .text((point) => described(point, chart, series.name));
      group
        .selectAll("text")
        .data(chart.kind === "path" ? series.points : [])
        .join("text")
        .attr("x", (point) => x(point.x) + 7)
        .attr("y", (point) => y(point.y) - 7)
        .text((point) => point.label);
    }
  }

  /** Rows under one another; their names stand above them where there is no room beside. */
  function rows(element, chart, names, height, draw) {
    const width = Math.max(240, element.clientWidth);
    const longest = d3.max(names, (name) => name.length) * 6.3 + 12;
    const beside = longest < width * 0.42;
    const pitch = beside ? height : height + 16;
    const box = { left: beside ? longest : 6, right: width - 14, top: 4, bottom: 4 + names.length * pitch };
    box.width = box.right - box.left;
    const svg = frame(element, width, box.bottom + 38);
    const middle = (i) => box.top + i * pitch + (beside ? pitch / 2 : 16 + height / 2);
    names.forEach((name, i) =>
      svg
        .append("text")
        .attr("x", beside ? box.left - 8 : box.left)
        .attr("y", beside ? middle(i) + 4 : box.top + i * pitch + 13)
        .attr("text-anchor", beside ? "end" : "start")
        .text(name),
    );
    const x = draw(svg, box, middle);
    svg
      .append("g")
      .attr("class", "axis")
      .attr("transform", `translate(0,${box.bottom})`)
      .call(d3.axisBottom(x).ticks(Math.min(8, box.width / 60)).tickSizeOuter(0));
    svg.append("text").attr("x", box.right).attr("y", box.bottom + 32).attr("text-anchor", "end").text(chart.x);
  }

  function intervals(element, chart) {
    const points = chart.series[0].points;
    rows(element, chart, points.map((point) => point.label), 26, (svg, box, middle) => {
      const domain = wide(ends(points, "left", "right"), 0.05);
      const x = d3.scaleLinear(domain, [box.left, box.right]);
      if (domain[0] < 0 && domain[1] > 0) {
        svg.append("line").attr("class", "zero").attr("x1", x(0)).attr("x2", x(0)).attr("y1", box.top).attr("y2", box.bottom);
      }
      const groups = svg
        .selectAll(".row")
        .data(points)
        .join("g")
        .attr("class", "c1");
      groups
        .append("line")
        .attr("class", "whisker")
        .attr("x1", (point) => x(point.left))
        .attr("x2", (point) => x(point.right))
        .attr("y1", (point, i) => middle(i))
        .attr("y2", (point, i) => middle(i));
      groups
        .append("circle")
        .attr("class", "dot")
        .attr("cx", (point) => x(point.x))
        .attr("cy", (point, i) => middle(i))
        .attr("r", 4.5)
        .append("title")
        .text((point) => described(point, chart, ""));
      return x;
    });
  }

  function bars(element, chart) {
    const names = chart.series[0].points.map((point) => point.label);
    const totals = names.map((name, i) => d3.sum(chart.series, (series) => series.points[i].x));
    rows(element, chart, names, 20, (svg, box, middle) => {
      const x = d3.scaleLinear([0, d3.max(totals) || 1], [box.left, box.right]);
      const from = names.map(() => 0);
      for (const series of chart.series) {
        const group = svg.append("g").attr("class", colour(series));
        series.points.forEach((point, i) => {
          group
            .append("rect")
            .attr("class", "bar")
            .attr("x", x(from[i]))
            .attr("width", Math.max(0, x(from[i] + point.x) - x(from[i]) - 0.8))
            .attr("y", middle(i) - 7)
            .attr("height", 14)
            .attr("opacity", series.colour > COLOURS ? 0.55 : 1)
            .append("title")
            .text(`${point.label}: ${series.name}, ${format(point.x)} ${chart.x}`);
          from[i] += point.x;
        });
      }
      return x;
    });
  }

  function legend(element, chart) {
    const named = chart.series.filter((series) => series.name);
    if (named.length === 0) return;
    const items = d3.select(element).append("ul").attr("class", "legend").selectAll("li").data(named).join("li");
    const keys = items
      .append("svg")
      .attr("viewBox", "0 0 24 10")
      .attr("class", (series) => colour(series))
      .attr("aria-hidden", "true");
    if (chart.kind === "bars") {
      keys.append("rect").attr("class", "bar").attr("width", 14).attr("height", 10).attr("opacity", (series) => (series.colour > COLOURS ? 0.55 : 1));
    } else {
      keys
        .append("path")
        .attr("class", (series) => (series.points.length === 1 ? "level" : `line${series.dashed ? " dashed" : ""}`))
        .attr("d", "M0,5H24");
    }
    items.append("span").text((series) => series.name);
  }

  const KINDS = { lines: plane, path: plane, intervals, bars };
  function draw(element) {
    const chart = JSON.parse(element.dataset.chart);
    element.replaceChildren();
    legend(element, chart);
    KINDS[chart.kind](element, chart);
    element.dataset.width = element.clientWidth;
  }

  const charts = Array.from(document.querySelectorAll("[data-chart]"));
  charts.forEach(draw);
  addEventListener("resize", () =>
    charts.filter((element) => element.dataset.width !== String(element.clientWidth)).forEach(draw),
  );

  // On paper nobody can open what is closed.
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = Array.from(document.querySelectorAll(".debate:not([open]), .read:not([open])"));
    closed.forEach((debate) => (debate.open = true));
  });
  addEventListener("afterprint", () => closed.forEach((debate) => (debate.open = false)));
})();
