//! Curves as SVG text: one below the other, each with its own scale.

use std::fmt::Write;

use super::FieldSeries;
use crate::curve::{bounds, short};

const WIDTH: f64 = 800.0;
/// Room for the numbers beside a curve.
const LEFT: f64 = 72.0;
const RIGHT: f64 = 20.0;
const HEAD: f64 = 40.0;
/// One curve with its title and times.
const PANEL: f64 = 240.0;
const PANEL_TITLE: f64 = 26.0;
const PANEL_TIMES: f64 = 30.0;
/// How many lines across a curve there are, more or less.
const TICKS: f64 = 5.0;

/// The drawing, with a title above.
pub(crate) fn draw(title: &str, all: &[FieldSeries]) -> String {
    let height = HEAD + PANEL * all.len() as f64;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    label(&mut text, (16.0, 24.0), "start", "#111111", title);
    let times = all.iter().flat_map(|series| &series.points).map(|(time, _)| *time);
    let (first, last) = times.fold((f64::MAX, f64::MIN), |(first, last), time| {
        (first.min(time), last.max(time))
    });
    for (index, series) in all.iter().enumerate() {
        panel(
            &mut text,
            HEAD + PANEL * index as f64,
            series,
            (first, (last - first).max(1e-3)),
        );
    }
    text.push_str("</svg>\n");
    text
}

fn panel(text: &mut String, top: f64, series: &FieldSeries, (first, span): (f64, f64)) {
    let unit = series
        .unit
        .as_ref()
        .map(|unit| format!(" [{unit}]"))
        .unwrap_or_default();
    label(
        text,
        (LEFT, top + 16.0),
        "start",
        "#111111",
        &format!("{}{unit}", series.path),
    );
    let Some((low, high)) = bounds(series.points.iter().map(|(_, number)| *number)) else {
        label(text, (LEFT, top + 60.0), "start", "#666666", "no numbers");
        return;
    };
    let (upper, lower) = (top + PANEL_TITLE, top + PANEL - PANEL_TIMES);
    let x = |time: f64| LEFT + (time - first) / span * (WIDTH - LEFT - RIGHT);
    let y = |number: f64| lower - (number / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0) * (lower - upper);
    for number in ticks(low, high) {
        let at = y(number);
        // Writing into a String cannot fail.
        let _ = writeln!(
            text,
            "<path d=\"M{LEFT} {at:.1}H{:.1}\" stroke=\"#dddddd\"/>",
            WIDTH - RIGHT
        );
        label(text, (LEFT - 6.0, at + 4.0), "end", "#444444", &short(number));
    }
    for seconds in ticks(0.0, span) {
        let at = x(first + seconds);
        let _ = writeln!(text, "<path d=\"M{at:.1} {upper:.1}V{lower:.1}\" stroke=\"#eeeeee\"/>");
        label(
            text,
            (at, lower + 16.0),
            "middle",
            "#444444",
            &format!("{} s", short(seconds)),
        );
    }
    let mut points: Vec<(f64, f64)> = series.points.iter().copied().collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut path = String::new();
    for (index, (time, number)) in points.iter().enumerate() {
        let _ = write!(
            path,
            "{}{:.1} {:.1}",
            if index == 0 { 'M' } else { 'L' },
            x(*time),
            y(*number)
        );
    }
    let _ = writeln!(
        text,
        "<path d=\"{path}\" fill=\"none\" stroke=\"#2f6fde\" stroke-width=\"1.5\" stroke-linejoin=\"round\"/>"
    );
    // A line of one point cannot be seen.
    if let [(time, number)] = *points {
        let _ = writeln!(
            text,
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"#2f6fde\"/>",
            x(time),
            y(number)
        );
    }
}

fn label(text: &mut String, (x, y): (f64, f64), anchor: &str, colour: &str, words: &str) {
    let words = escaped(words);
    let _ = writeln!(
        text,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{words}</text>"
    );
}

/// Text that is only text in XML.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            character if character.is_control() => escaped.push('\u{fffd}'),
            character => escaped.push(character),
        }
    }
    escaped
}

/// Round numbers between two others.
fn ticks(low: f64, high: f64) -> Vec<f64> {
    let rough = (high / TICKS - low / TICKS).max(f64::MIN_POSITIVE);
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|of| of * power)
        .find(|step| *step >= rough)
        .unwrap_or(rough);
    let first = (low / step).ceil() * step;
    let all = (0..=12).map(|index| first + f64::from(index) * step);
    // What is nought but for rounding is nought.
    all.take_while(|tick| *tick <= high)
        .map(|tick| if tick.abs() < step * 1e-6 { 0.0 } else { tick })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

    use super::*;

    fn series(points: &[(f64, f64)]) -> FieldSeries {
        FieldSeries {
            path: "angular_velocity.z".to_owned(),
            unit: Some("rad/s".to_owned()),
            points: points.iter().copied().collect(),
        }
    }

    #[test]
    fn ticks_are_round_numbers() {
        assert_eq!(ticks(-1.05, 1.05), [-1.0, -0.5, 0.0, 0.5, 1.0]);
        assert_eq!(ticks(0.0, 30.0), [0.0, 10.0, 20.0, 30.0]);
        assert!(ticks(f64::MIN, f64::MAX).iter().all(|tick| tick.is_finite()));
        assert!(ticks(5.0, 5.0).len() <= 13);
    }

    #[test]
    fn the_drawing_is_whole() {
        let drawing = draw(
            "/imu, 3 messages",
            &[series(&[(1000.0, 0.0), (1000.5, 1.0), (1001.0, -1.0)])],
        );
        insta::assert_snapshot!(drawing);
    }

    #[test]
    fn names_cannot_end_the_text_that_they_stand_in() {
        let drawing = draw("</text><script>\u{1b}&", &[series(&[]), series(&[(0.0, 1.0)])]);
        assert!(
            drawing.contains("&lt;/text&gt;&lt;script&gt;\u{fffd}&amp;") && !drawing.contains("<script"),
            "{drawing}"
        );
        assert!(
            drawing.contains("no numbers") && drawing.contains("<circle"),
            "{drawing}"
        );
    }

    #[test]
    fn every_number_has_a_place() {
        let drawing = draw("x", &[series(&[(0.0, f64::MIN), (f64::MAX, f64::MAX), (1e-300, 0.0)])]);
        assert!(!drawing.contains("NaN") && !drawing.contains("inf"), "{drawing}");
    }
}
