//! A curve of numbers over time, in the dots of braille characters.

use std::collections::VecDeque;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Chart, Dataset, GraphType, Paragraph};

use crate::palette::{Meaning, Palette};

/// What is drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Curve<'a> {
    pub(crate) title: &'a str,
    pub(crate) unit: Option<&'a str>,
    /// Times in seconds, in any order, and numbers.
    pub(crate) points: &'a VecDeque<(f64, f64)>,
}

/// The lowest and the highest of some numbers, a little apart where they are the same.
pub(crate) fn bounds(numbers: impl Iterator<Item = f64> + Clone) -> Option<(f64, f64)> {
    let finite = numbers.filter(|number| number.is_finite());
    let (low, high) = (finite.clone().reduce(f64::min)?, finite.reduce(f64::max)?);
    let room = match high - low {
        span if span > 0.0 && span.is_finite() => span * 0.05,
        _ => (high.abs() * 0.05).max(0.5),
    };
    Some(((low - room).max(f64::MIN), (high + room).min(f64::MAX)))
}

/// Draws the curve, with what it is of above it.
pub(crate) fn draw(frame: &mut Frame<'_>, area: Rect, curve: &Curve<'_>, palette: Palette) {
    let unit = curve.unit.map(|unit| format!(" {unit}")).unwrap_or_default();
    let last = curve
        .points
        .back()
        .map(|(_, number)| format!(" = {}", short(*number)))
        .unwrap_or_default();
    let title = Line::from(vec![
        Span::styled(format!(" {}", curve.title), palette.of(Meaning::Strong)),
        Span::raw(format!("{last}{unit}")),
    ]);
    let above = Rect {
        height: area.height.min(1),
        ..area
    };
    let below = Rect {
        y: area.y.saturating_add(1).min(area.bottom()),
        height: area.height.saturating_sub(1),
        ..area
    };
    frame.render_widget(Paragraph::new(title), above);
    let newest = curve.points.iter().map(|(time, _)| *time).fold(f64::MIN, f64::max);
    let oldest = curve.points.iter().map(|(time, _)| *time).fold(f64::MAX, f64::min);
    let Some((low, high)) = bounds(curve.points.iter().map(|(_, number)| *number)) else {
        frame.render_widget(Paragraph::new(" no numbers yet"), below);
        return;
    };
    let span = (newest - oldest).max(0.001);
    let points: Vec<(f64, f64)> = curve
        .points
        .iter()
        .map(|(time, number)| (time - newest, *number))
        .collect();
    let dataset = Dataset::default()
        .marker(Marker::Braille)
        .graph_type(GraphType::Line)
        .style(palette.curve())
        .data(&points);
    let middle = f64::midpoint(low, high);
    // What is nought but for the edges is called so.
    let middle = if middle.abs() < (high - low).abs() / 200.0 {
        0.0
    } else {
        middle
    };
    let left = format!("-{}", seconds(span));
    let chart = Chart::new(vec![dataset])
        .x_axis(Axis::default().bounds([-span, 0.0]).labels([left, "now".to_owned()]))
        .y_axis(
            Axis::default()
                .bounds([low, high])
                .labels([low, middle, high].map(short)),
        );
    frame.render_widget(chart, below);
}

/// A number in few characters.
pub(crate) fn short(number: f64) -> String {
    match number.abs() {
        0.0 => "0".to_owned(),
        ..0.001 | 1e6.. => format!("{number:.2e}"),
        ..1.0 => format!("{number:.4}"),
        ..100.0 => format!("{number:.3}"),
        _ => format!("{number:.1}"),
    }
}

fn seconds(span: f64) -> String {
    match span {
        ..10.0 => format!("{span:.1} s"),
        ..120.0 => format!("{span:.0} s"),
        _ => format!("{:.0} min", span / 60.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_of_one_number_has_room_around_it_and_no_number_breaks_the_bounds() {
        assert_eq!(bounds([2.0].into_iter()), Some((1.5, 2.5)));
        assert_eq!(bounds([0.0, 10.0].into_iter()), Some((-0.5, 10.5)));
        assert_eq!(bounds([f64::NAN, f64::INFINITY].into_iter()), None);
        let (low, high) = bounds([f64::MIN, f64::MAX].into_iter()).unwrap();
        assert!(low.is_finite() && high.is_finite());
    }

    #[test]
    fn numbers_are_short() {
        let shorts = [0.0, 0.00012, 0.5, -9.81, 1234.5, 7e9].map(short);
        assert_eq!(shorts, ["0", "1.20e-4", "0.5000", "-9.810", "1234.5", "7.00e9"]);
    }
}
