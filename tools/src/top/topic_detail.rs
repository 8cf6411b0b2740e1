//! What is seen of one topic: its ends, the last message field by field, and a curve of the field that is selected.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{List, ListItem, ListState, Paragraph};

use super::close_up::Sight;
use super::detail::of_end;
use super::rows::TopicRow;
use super::text;
use crate::curve::{self, Curve};
use crate::leaves::Leaf;
use crate::palette::{Meaning, Palette};

/// The narrowest screen on which fields and curve stand side by side.
const SIDE_BY_SIDE: u16 = 70;
/// The lowest place for a curve.
const CURVE_HEIGHT: u16 = 6;

/// Draws a topic. `selected` is the field, held to what there is.
pub(crate) fn draw(
    frame: &mut Frame<'_>,
    area: Rect,
    (row, sight): (&TopicRow, Option<&Sight>),
    selected: &mut usize,
    palette: Palette,
) {
    let empty = Sight::default();
    let sight = sight.unwrap_or(&empty);
    let mut head = vec![name(row, palette), numbers(row)];
    let ends = row.publishers().map(|end| (format!("→ {}", end.node.name), end));
    let ends = ends.chain(row.subscribers().map(|end| (format!("← {}", end.node.name), end)));
    let room = usize::from(area.height / 3).saturating_sub(head.len());
    head.extend(ends.take(room).map(|(name, end)| of_end(&name, end, palette)));
    head.extend(here(sight, palette));
    let head_height = u16::try_from(head.len()).unwrap_or(u16::MAX).min(area.height / 2);
    let [above, below] = Layout::vertical([Constraint::Length(head_height), Constraint::Fill(1)]).areas(area);
    frame.render_widget(Paragraph::new(head), above);
    *selected = (*selected).min(sight.fields.len().saturating_sub(1));
    let (fields, plot) = if below.width >= SIDE_BY_SIDE && below.height >= CURVE_HEIGHT {
        let wide = (below.width / 2).min(72);
        let [left, right] = Layout::horizontal([Constraint::Length(wide), Constraint::Fill(1)]).areas(below);
        (left, Some(right))
    } else if below.height >= 2 * CURVE_HEIGHT {
        let [upper, lower] = Layout::vertical([Constraint::Fill(1), Constraint::Fill(1)]).areas(below);
        (upper, Some(lower))
    } else {
        (below, None)
    };
    draw_fields(frame, fields, sight, *selected, palette);
    if let (Some(area), Some(path)) = (plot, &sight.plotted) {
        let unit = sight
            .fields
            .iter()
            .find(|(leaf, _)| leaf.path == *path)
            .and_then(|(_, note)| note.as_deref());
        let curve = Curve {
            title: path,
            unit,
            points: &sight.points,
        };
        curve::draw(frame, area, &curve, palette);
    }
}

fn name(row: &TopicRow, palette: Palette) -> Line<'static> {
    let types = row.types.join(", ");
    let meaning = if row.types.len() > 1 {
        Meaning::Bad
    } else {
        Meaning::Quiet
    };
    Line::from(vec![
        Span::styled(row.topic.to_string(), palette.of(Meaning::Strong)),
        Span::styled(format!("  {types}"), palette.of(meaning)),
    ])
}

fn numbers(row: &TopicRow) -> Line<'static> {
    let received = &row.received.latest;
    Line::raw(format!(
        "{}/s  {} B/s  latency {} ±{}  gaps {}  drops {}  refused {}  {}",
        text::rate(row.sent.rate),
        text::rate(row.sent.byte_rate),
        text::time(received.latency_ns()),
        text::time(received.jitter_ns()),
        text::count(row.missing().since),
        text::count(row.dropped().since),
        text::count(row.refused().since),
        text::bars(&row.history, 30),
    ))
}

/// What happens to the messages of the topic in this very program.
fn here(sight: &Sight, palette: Palette) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    let refused = sight.stats.refused_total();
    let meaning = if refused > 0 { Meaning::Bad } else { Meaning::Quiet };
    let counted = format!(
        "here: {} verified, {} refused",
        text::count(sight.stats.received),
        text::count(refused)
    );
    lines.push(Line::styled(counted, palette.of(meaning)));
    if let Some(refusal) = &sight.refusal {
        lines.push(Line::styled(format!("  {refusal}"), palette.of(Meaning::Bad)));
    }
    if let Some(problem) = &sight.problem {
        lines.push(Line::styled(format!("  {problem}"), palette.of(Meaning::Attention)));
    }
    let head = if sight.head.is_empty() {
        "no message yet"
    } else {
        &sight.head
    };
    lines.push(Line::raw(head.to_owned()));
    lines
}

fn draw_fields(frame: &mut Frame<'_>, area: Rect, sight: &Sight, selected: usize, palette: Palette) {
    let longest = sight
        .fields
        .iter()
        .map(|(leaf, _)| leaf.path.chars().count())
        .max()
        .unwrap_or(0);
    let width = u16::try_from(longest).unwrap_or(u16::MAX).min(area.width / 2);
    let pad = usize::from(width);
    let line = |(place, (leaf, note)): (usize, &(Leaf, Option<String>))| {
        let path = tail(&leaf.path, pad);
        let note = note.as_ref().map(|note| format!(" {note}")).unwrap_or_default();
        // What is selected is one bar.
        let quiet = if place == selected {
            palette.in_bar(Meaning::Quiet)
        } else {
            palette.of(Meaning::Quiet)
        };
        ListItem::new(Line::from(vec![
            Span::styled(format!("{path:<pad$} "), quiet),
            Span::raw(leaf.text.clone()),
            Span::styled(note, quiet),
        ]))
    };
    let items = sight.fields.iter().enumerate().map(line);
    let list = List::new(items).highlight_style(palette.selected());
    let mut state = ListState::default().with_selected(Some(selected));
    frame.render_stateful_widget(list, area, &mut state);
}

/// A path in so many characters. It loses its beginning: neighbours differ in their ends.
fn tail(path: &str, width: usize) -> String {
    match path.chars().count().checked_sub(width) {
        None | Some(0) => path.to_owned(),
        Some(more) => std::iter::once('…').chain(path.chars().skip(more + 1)).collect(),
    }
}
