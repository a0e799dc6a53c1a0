//! A picture of a load: throughput and latency, over time and over the size of the log.
//!
//! Plain SVG without a script or a font of its own, so that it opens everywhere and goes with a report. Four panels: two
//! quantities, two axes. Latency has a logarithmic scale, since its tail is what matters.

use super::Report;
use std::fmt::Write;

const WIDTH: f64 = 1_060.0;
const HEIGHT: f64 = 640.0;
const PANEL: (f64, f64) = (430.0, 210.0);
const LEFT: [f64; 2] = [70.0, 590.0];
const TOP: [f64; 2] = [84.0, 370.0];
const COLOURS: [&str; 3] = ["#1b5e8c", "#c4661f", "#a3123a"];

/// A line of a panel: its name and its points.
struct Line<'a> {
    name: &'a str,
    points: Vec<(f64, f64)>,
}

struct Panel<'a> {
    title: &'a str,
    axis: &'a str,
    is_logarithmic: bool,
    lines: Vec<Line<'a>>,
}

/// Draws a report.
#[must_use]
pub fn plot(report: &Report) -> String {
    let of = |value: fn(&super::Second) -> f64, by_size: fn(&super::Second) -> f64| {
        report.seconds.iter().map(|row| (by_size(row), value(row))).collect::<Vec<_>>()
    };
    let time: fn(&super::Second) -> f64 = |row| row.second as f64 + 1.0;
    let size: fn(&super::Second) -> f64 = |row| row.log_events as f64;
    let rate: fn(&super::Second) -> f64 = |row| row.events as f64;
    let latencies = |x: fn(&super::Second) -> f64| {
        vec![
            Line { name: "p50", points: of(|row| row.latency.p50_ms, x) },
            Line { name: "p99", points: of(|row| row.latency.p99_ms, x) },
            Line { name: "max", points: of(|row| row.latency.max_ms, x) },
        ]
    };
    let panel = |title, axis, is_logarithmic, lines| Panel { title, axis, is_logarithmic, lines };
    let panels = [
        panel("events a second", "seconds", false, vec![Line { name: "events", points: of(rate, time) }]),
        panel("events a second", "events in the log", false, vec![Line { name: "events", points: of(rate, size) }]),
        panel("latency of a batch, ms", "seconds", true, latencies(time)),
        panel("latency of a batch, ms", "events in the log", true, latencies(size)),
    ];
    let mut svg = opening(report);
    for (number, panel) in panels.iter().enumerate() {
        draw(&mut svg, panel, LEFT[number % 2], TOP[number / 2]);
    }
    svg.push_str("</svg>\n");
    svg
}

fn opening(report: &Report) -> String {
    let offered =
        report.offered_events_per_second.map_or_else(String::new, |rate| format!(", {} offered", short(rate)));
    let heading = format!(
        "zegel load: {} events/s{offered} · p50 {:.1} ms, p99 {:.1} ms, p99.9 {:.1} ms",
        short(report.events_per_second),
        report.latency.p50_ms,
        report.latency.p99_ms,
        report.latency.p999_ms
    );
    let below = format!(
        "{}, {} loop, {} sources, batches of {}, {} conversations, {} cores; warm-up of {:.0} s shown, not counted",
        report.call,
        report.pace,
        report.sources,
        report.batch_events,
        report.conversations,
        report.machine_cores,
        report.warm_up_seconds
    );
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"12\" fill=\"#222\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"24\" y=\"30\" font-size=\"17\" font-weight=\"600\">{heading}</text>\n\
         <text x=\"24\" y=\"50\" fill=\"#666\">{below}</text>\n"
    )
}

/// From a value to a place on an axis.
struct Scale {
    min: f64,
    max: f64,
    from: f64,
    to: f64,
    is_logarithmic: bool,
}

impl Scale {
    fn place(&self, value: f64) -> f64 {
        let turn = |value: f64| if self.is_logarithmic { value.max(self.min).log10() } else { value };
        let (min, max) = (turn(self.min), turn(self.max));
        let part = if max > min { (turn(value) - min) / (max - min) } else { 0.0 };
        self.from + part * (self.to - self.from)
    }

    /// Round values along the axis.
    fn ticks(&self) -> Vec<f64> {
        if self.is_logarithmic {
            let powers = self.min.log10().round() as i32..=self.max.log10().round() as i32;
            return powers.map(|power| 10f64.powi(power)).collect();
        }
        let rough = (self.max - self.min) / 5.0;
        let unit = 10f64.powf(rough.max(1e-9).log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|times| times * unit).find(|step| *step >= rough);
        let step = step.unwrap_or(unit);
        let first = (self.min / step).ceil() as i64;
        (first..).map(|number| number as f64 * step).take_while(|value| *value <= self.max + step / 1e3).collect()
    }
}

fn scales(panel: &Panel<'_>, left: f64, top: f64) -> (Scale, Scale) {
    let points = || panel.lines.iter().flat_map(|line| &line.points);
    let most = |of: fn(&(f64, f64)) -> f64| points().map(of).fold(0.0, f64::max);
    let least = points().map(|point| point.0).fold(f64::INFINITY, f64::min);
    let right = most(|point| point.0);
    let min_x = if least.is_finite() && panel.axis != "seconds" { least } else { 0.0 };
    let x = Scale { min: min_x, max: right.max(min_x + 1.0), from: left, to: left + PANEL.0, is_logarithmic: false };
    let high = most(|point| point.1);
    let shown = points().map(|point| point.1).filter(|value| *value > 0.0).fold(f64::INFINITY, f64::min);
    let (min, max) = if panel.is_logarithmic {
        let low = if shown.is_finite() { 10f64.powf(shown.log10().floor()) } else { 1.0 };
        (low, 10f64.powf(high.max(low * 10.0).log10().ceil()))
    } else {
        (0.0, high.max(1.0) * 1.08)
    };
    (x, Scale { min, max, from: top + PANEL.1, to: top, is_logarithmic: panel.is_logarithmic })
}

fn draw(svg: &mut String, panel: &Panel<'_>, left: f64, top: f64) {
    let (x, y) = scales(panel, left, top);
    let (right, bottom) = (left + PANEL.0, top + PANEL.1);
    _ = writeln!(svg, "<text x=\"{left}\" y=\"{}\" font-weight=\"600\">{}</text>", top - 10.0, panel.title);
    for value in y.ticks() {
        let at = y.place(value);
        _ = writeln!(svg, "<path d=\"M{left} {at:.1}H{right}\" stroke=\"#e3e3e3\"/>");
        let (beside, below) = (left - 8.0, at + 4.0);
        _ = writeln!(
            svg,
            "<text x=\"{beside}\" y=\"{below:.1}\" text-anchor=\"end\" fill=\"#666\">{}</text>",
            short(value)
        );
    }
    for value in x.ticks() {
        let (at, below) = (x.place(value), bottom + 18.0);
        _ = writeln!(svg, "<path d=\"M{at:.1} {bottom}v4\" stroke=\"#999\"/>");
        _ = writeln!(
            svg,
            "<text x=\"{at:.1}\" y=\"{below}\" text-anchor=\"middle\" fill=\"#666\">{}</text>",
            short(value)
        );
    }
    let (middle, below) = (left + PANEL.0 / 2.0, bottom + 36.0);
    _ = writeln!(svg, "<path d=\"M{left} {bottom}H{right}\" stroke=\"#999\"/>");
    _ = writeln!(svg, "<text x=\"{middle}\" y=\"{below}\" text-anchor=\"middle\" fill=\"#666\">{}</text>", panel.axis);
    for (number, line) in panel.lines.iter().enumerate() {
        let colour = COLOURS[number % COLOURS.len()];
        let place = |point: &(f64, f64)| format!("{:.1},{:.1}", x.place(point.0), y.place(point.1));
        let path: Vec<String> = line.points.iter().map(place).collect();
        let path = path.join(" ");
        _ = writeln!(svg, "<polyline points=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.6\"/>");
        if panel.lines.len() > 1 {
            let at = right - 40.0 * (panel.lines.len() - number) as f64 + 16.0;
            let above = top - 10.0;
            _ = writeln!(
                svg,
                "<text x=\"{at}\" y=\"{above}\" fill=\"{colour}\" font-weight=\"600\">{}</text>",
                line.name
            );
        }
    }
}

/// A number as an axis has it: 1.5 M, 20 k, 0.5.
fn short(value: f64) -> String {
    let of = |value: f64, unit: &str| {
        let text = format!("{value:.2}");
        format!("{}{unit}", text.trim_end_matches('0').trim_end_matches('.'))
    };
    match value {
        1e6.. => of(value / 1e6, " M"),
        1e3.. => of((value / 1e2).round() / 10.0, " k"),
        _ => of(value, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_on_an_axis_are_short() {
        let found: Vec<String> = [0.0, 0.25, 17.0, 1_500.0, 20_000.0, 2_500_000.0].map(short).into();
        assert_eq!(found, ["0", "0.25", "17", "1.5 k", "20 k", "2.5 M"]);
    }

    #[test]
    fn ticks_are_round_and_within_the_axis() {
        let scale = |min, max, is_logarithmic| Scale { min, max, from: 0.0, to: 100.0, is_logarithmic };
        assert_eq!(scale(0.0, 60.0, false).ticks(), [0.0, 20.0, 40.0, 60.0]);
        assert_eq!(scale(1.0, 1_000.0, true).ticks(), [1.0, 10.0, 100.0, 1_000.0]);
        assert!((scale(1.0, 100.0, true).place(10.0) - 50.0).abs() < 1e-9);
    }
}
