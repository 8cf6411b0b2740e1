//! The help: what each key does, and whose word each number is.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::detail;
use crate::palette::Palette;

const KEYS: [(&str, &str); 11] = [
    ("q, Ctrl-C", "end"),
    ("Tab ← → 1 2 3", "the lists: topics, nodes, refusals"),
    ("↑ ↓ PgUp PgDn", "select a row; in a topic, the field that is plotted"),
    ("Enter", "open the row: messages and a curve, a node, a refusal"),
    ("Esc", "back; clears the filter"),
    (
        "/",
        "show only rows in which a text occurs: names, types, signers, trust",
    ),
    ("s S", "sort by the next column, by the one before"),
    ("r", "the other way round"),
    ("Space", "hold the picture"),
    ("z", "count gaps, drops and refusals anew from now on"),
    ("?", "this help"),
];

const WORDS: [(&str, &str); 10] = [
    (
        "RATE",
        "the publishers' word: messages handed to the link, counted by each and divided by its own steady clock",
    ),
    (
        "BYTES/S",
        "the publishers' word: their frames, with headers and signatures",
    ),
    (
        "LATENCY",
        "the subscribers' word: mean time from publishing to arrival, by two clocks where they are on two machines",
    ),
    (
        "JITTER",
        "the subscribers' word: by how much the latency of one frame differs from that of the one before",
    ),
    (
        "GAPS",
        "the subscribers' word: numbers that never came, since this view began",
    ),
    (
        "DROPS",
        "publishers' and subscribers' word: let go of for want of room or time",
    ),
    (
        "REFUSED",
        "the subscribers' word: frames and messages that failed a check",
    ),
    ("TRUST", "this keystore's own verdict on the worst of the publishers"),
    ("TREND", "RATE in the last intervals, against its own highest"),
    (
        "here:",
        "in an open topic: measured by this program, which subscribes for as long",
    ),
];

const WHENCE: &str = "Each node is asked once an interval what it counts, and signs its answer. The sums are of nodes that are \
                      believed here; the others stand in the rows, marked.";

/// Draws the help.
pub(crate) fn draw(frame: &mut Frame<'_>, area: Rect, moved: &mut usize, palette: Palette) {
    let row = |(name, what): &(&str, &str)| {
        let name = Span::styled(format!("{name:<15}"), palette.heading());
        detail::paragraph(name, what, Style::new(), area.width)
    };
    let mut lines: Vec<Line<'static>> = KEYS.iter().flat_map(row).collect();
    lines.push(Line::raw(""));
    lines.extend(detail::paragraph(Span::raw(""), WHENCE, Style::new(), area.width));
    lines.push(Line::raw(""));
    lines.extend(WORDS.iter().flat_map(row));
    detail::draw(frame, area, lines, moved);
}
