//! The plot: bars of what was measured, as SVG text.

use std::fmt::Write;

use super::quantile::ratio;
use super::{Latency, Throughput};
use crate::render::{bytes, grouped};

const WIDTH: f64 = 720.0;
/// Where bars begin, behind their labels.
const LEFT: f64 = 200.0;
/// The longest bar; its number stands behind it.
const BAR_MAX: f64 = 380.0;
const BAR: f64 = 14.0;
const ROW: f64 = 44.0;
const TITLE: f64 = 36.0;

const RAW_COLOUR: &str = "#8a8f98";
const SIGNED_COLOUR: &str = "#2f6fde";

/// One row: two bars with their numbers.
struct Row {
    label: String,
    raw: f64,
    signed: f64,
}

/// The drawing. Bars of one row are to scale; rows of throughput are not to each other, for sizes differ too much.
pub(crate) fn svg(throughput: &[Throughput], latency: Option<&Latency>) -> String {
    let mut parts = Vec::new();
    if !throughput.is_empty() {
        let rows = throughput.iter().map(|measured| Row {
            label: format!("{}, {}", bytes(measured.load.size() as f64), measured.link),
            raw: measured.raw.rate(),
            signed: measured.signed.rate(),
        });
        parts.push(("Messages per second", rows.collect::<Vec<_>>()));
    }
    if let Some(latency) = latency {
        let rows = [50, 90, 99].map(|percent| Row {
            label: format!("{percent} % within, {}", latency.link),
            raw: latency.raw.percentile(percent),
            signed: latency.signed.percentile(percent),
        });
        parts.push(("Round trip of a Twist, µs", rows.into()));
    }
    let height: f64 = parts
        .iter()
        .map(|(_, rows)| TITLE + ROW * rows.len() as f64)
        .sum::<f64>()
        + TITLE;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    let mut y = TITLE;
    for (title, rows) in &parts {
        line(
            &mut text,
            16.0,
            y - 12.0,
            &format!("{title}: raw Zenoh grey, signed blue"),
            "#111111",
        );
        for row in rows {
            let longest = row.raw.max(row.signed);
            line(&mut text, 16.0, y + BAR + 4.0, &row.label, "#111111");
            for (below, value, colour) in [(0.0, row.raw, RAW_COLOUR), (BAR + 2.0, row.signed, SIGNED_COLOUR)] {
                let (top, width) = (y + below, BAR_MAX * ratio(value, longest));
                // Writing into a String cannot fail.
                let _ = writeln!(
                    text,
                    "<rect x=\"{LEFT}\" y=\"{top}\" width=\"{width:.1}\" height=\"{BAR}\" fill=\"{colour}\"/>"
                );
                line(
                    &mut text,
                    LEFT + width + 6.0,
                    top + BAR - 3.0,
                    &grouped(value),
                    "#444444",
                );
            }
            y += ROW;
        }
        y += TITLE;
    }
    text.push_str("</svg>\n");
    text
}

fn line(text: &mut String, x: f64, y: f64, words: &str, colour: &str) {
    let _ = writeln!(text, "<text x=\"{x:.1}\" y=\"{y:.1}\" fill=\"{colour}\">{words}</text>");
}
