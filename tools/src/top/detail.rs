//! What is seen of one node, and of one kind of refusal: lines of text that can be moved.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};

use super::cells::{health, place, trust};
use super::rows::{End, NodeRow, RefusalRow};
use super::text;
use crate::palette::{Meaning, Palette};
use nuncio::TopicName;

/// Draws lines, moved up by `moved`, which is held to what there is.
pub(crate) fn draw(frame: &mut Frame<'_>, area: Rect, lines: Vec<Line<'static>>, moved: &mut usize) {
    // Wrapped at words, lines may be more than their width tells; so the width is taken to be less: the end stays in reach.
    let width = usize::from(area.width).saturating_sub(8).max(1);
    let count: usize = lines.iter().map(|line| line.width().div_ceil(width).max(1)).sum();
    *moved = (*moved).min(count.saturating_sub(usize::from(area.height)));
    let offset = u16::try_from(*moved).unwrap_or(u16::MAX);
    frame.render_widget(
        Paragraph::new(lines).wrap(Wrap { trim: false }).scroll((offset, 0)),
        area,
    );
}

/// Everything about a node.
pub(crate) fn of_node(row: &NodeRow, palette: Palette) -> Vec<Line<'static>> {
    let (health, trust) = (health(row), trust(row.trust));
    let mut lines = vec![
        Line::styled(row.node.name.to_string(), palette.of(Meaning::Strong)),
        fact(
            "key",
            &format!("{}  {}", row.node.key, row.nickname.as_deref().unwrap_or_default()),
        ),
        Line::from(vec![
            Span::raw(label("trust")),
            Span::styled(trust.text, palette.of(trust.meaning)),
        ]),
        Line::from(vec![
            Span::raw(label("health")),
            Span::styled(health.text, palette.of(health.meaning)),
        ]),
    ];
    if let Some(problem) = &row.problem {
        lines.push(Line::styled(problem.clone(), palette.of(Meaning::Bad)));
    }
    for finding in row.answer.iter().flat_map(|answer| &answer.findings) {
        let what = format!(
            "  {}: {} {}",
            text::level(finding.level),
            finding.subject,
            finding.found
        );
        lines.push(Line::styled(what, palette.of(Meaning::Attention)));
        lines.push(Line::raw(format!("    → {}", finding.remedy)));
    }
    if let Some(answer) = &row.answer {
        let up = text::age(answer.uptime_ns);
        lines.push(fact("up", &format!("{up}, Nuncio {}", answer.version)));
        lines.push(fact(
            "knows",
            &format!("{} nodes, {} links", answer.peers, answer.links),
        ));
    }
    let refused = format!(
        "{} ({} in all)",
        text::count(row.refused.since),
        text::count(row.refused.total)
    );
    lines.push(fact("refused", &refused));
    section(
        &mut lines,
        "PUBLISHES",
        row.ends.iter().filter(|(_, end)| end.is_publisher),
        palette,
    );
    section(
        &mut lines,
        "SUBSCRIBES TO",
        row.ends.iter().filter(|(_, end)| !end.is_publisher),
        palette,
    );
    lines
}

/// Everything about a kind of refusals.
pub(crate) fn of_refusal(row: &RefusalRow, palette: Palette, width: u16) -> Vec<Line<'static>> {
    let (reason, count) = (row.id.reason, row.count);
    let numbers = format!(
        "{} in the last interval, {} since this view began, {} in all",
        text::count(count.latest),
        text::count(count.since),
        text::count(count.total)
    );
    let mut lines = vec![
        Line::styled(
            format!("{} ({})", reason.as_str(), reason.number()),
            palette.of(Meaning::Bad),
        ),
        fact("topic", place(row)),
        fact("refused by", &format!("{}  {}", row.id.by.name, row.id.by.key)),
        fact("how often", &numbers),
        Line::raw(""),
    ];
    let mut say = |name: &str, text: &str, style| lines.extend(paragraph(Span::raw(label(name)), text, style, width));
    say("it means", reason.meaning(), Style::new());
    say("what to do", reason.remedy(), palette.of(Meaning::Strong));
    lines.push(Line::raw(""));
    lines.push(Line::raw(
        "Whoever made the frames need not hold the key that they name.",
    ));
    lines
}

/// One end of a topic in a line: what the node itself counts.
pub(crate) fn of_end(name: &str, end: &End, palette: Palette) -> Line<'static> {
    let trust = trust(end.trust);
    let mut spans = vec![
        Span::raw(format!("  {name:<24} ")),
        Span::styled(trust.text, palette.of(trust.meaning)),
    ];
    let Some(spans_of) = end.spans else {
        spans.push(Span::styled("  has not answered yet", palette.of(Meaning::Quiet)));
        return Line::from(spans);
    };
    let (since, total) = (&spans_of.since, &spans_of.total);
    spans.push(Span::raw(format!(
        "  {}/s, {} in all",
        text::rate(spans_of.rate),
        text::count(total.messages)
    )));
    if let Some(latency) = spans_of.latest.latency_ns() {
        spans.push(Span::raw(format!(", {} old", text::time(Some(latency)))));
    }
    for (what, count) in [("missing", since.missing), ("dropped", since.dropped)] {
        if count > 0 {
            spans.push(Span::styled(
                format!(", {} {what}", text::count(count)),
                palette.of(Meaning::Bad),
            ));
        }
    }
    for (reason, count) in since.refused.reasons() {
        spans.push(Span::styled(
            format!(", {reason} {}", text::count(count)),
            palette.of(Meaning::Bad),
        ));
    }
    Line::from(spans)
}

fn section<'a>(
    lines: &mut Vec<Line<'static>>,
    title: &'static str,
    ends: impl Iterator<Item = &'a (TopicName, End)>,
    palette: Palette,
) {
    let mut ends = ends.peekable();
    if ends.peek().is_some() {
        lines.push(Line::styled(title, palette.heading()));
    }
    lines.extend(ends.map(|(topic, end)| of_end(topic.as_str(), end, palette)));
}

fn fact(name: &str, value: &str) -> Line<'static> {
    Line::raw(format!("{}{value}", label(name)))
}

fn label(name: &str) -> String {
    format!("{name:<LABEL$}")
}

/// How wide the names of facts are.
const LABEL: usize = 12;

/// A text behind a name, over as many lines as it needs; what is carried over stands below the text.
pub(crate) fn paragraph(name: Span<'static>, text: &str, style: Style, width: u16) -> Vec<Line<'static>> {
    let indent = name.width();
    let room = usize::from(width).saturating_sub(indent).max(10);
    let mut rows = vec![String::new()];
    for word in text.split(' ') {
        let row = rows.pop().unwrap_or_default();
        let is_full = !row.is_empty() && row.chars().count() + 1 + word.chars().count() > room;
        match (is_full, row.is_empty()) {
            (true, _) => rows.extend([row, word.to_owned()]),
            (false, true) => rows.push(word.to_owned()),
            (false, false) => rows.push(format!("{row} {word}")),
        }
    }
    let mut before = Some(name);
    let lines = rows.into_iter().map(|row| {
        let before = before.take().unwrap_or_else(|| Span::raw(" ".repeat(indent)));
        Line::from(vec![before, Span::styled(row, style)])
    });
    lines.collect()
}
