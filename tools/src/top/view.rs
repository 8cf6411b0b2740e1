//! Draws the screen: a line of tabs, a list or what is open, a line of keys. On a screen of any size.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Cell, Paragraph, Row as TableRow, Table, TableState};

use super::close_up::Sight;
use super::list::{Align, List, Row, columns_that_fit};
use super::model::Model;
use super::screen::{Open, Screen, Tab};
use super::{detail, help, topic_detail};
use crate::palette::{Meaning, Palette};

/// What is drawn beside the model and the screen.
#[derive(Debug)]
pub(crate) struct Scene<'a> {
    pub(crate) model: &'a Model,
    /// Of the topic that is open.
    pub(crate) sight: Option<&'a Sight>,
    pub(crate) palette: Palette,
    /// Where and how often is looked, such as `domain 0, every 1 s`.
    pub(crate) place: &'a str,
}

/// Draws everything.
pub(crate) fn draw(frame: &mut Frame<'_>, screen: &mut Screen, scene: &Scene<'_>) {
    let area = frame.area();
    let has_keys = u16::from(area.height >= 4);
    let has_filter = u16::from(screen.is_filtering || !screen.filter.is_empty());
    let [tabs, filter, body, keys] = Layout::vertical([
        Constraint::Length(u16::from(area.height >= 2)),
        Constraint::Length(has_filter),
        Constraint::Fill(1),
        Constraint::Length(has_keys),
    ])
    .areas(area);
    frame.render_widget(Paragraph::new(title(screen, scene, tabs.width)), tabs);
    let typed = format!(
        "/{}{}",
        screen.filter,
        if screen.is_filtering { "▏" } else { "  Esc clears" }
    );
    frame.render_widget(
        Paragraph::new(Line::styled(typed, scene.palette.of(Meaning::Attention))),
        filter,
    );
    draw_body(frame, body, screen, scene);
    frame.render_widget(Paragraph::new(keys_line(screen, scene.palette, keys.width)), keys);
}

fn draw_body(frame: &mut Frame<'_>, area: Rect, screen: &mut Screen, scene: &Scene<'_>) {
    let (model, palette) = (scene.model, scene.palette);
    if screen.shows_help {
        return help::draw(frame, area, &mut screen.line, palette);
    }
    match screen.open.clone() {
        Some(Open::Topic(topic)) => match model.topics.iter().find(|row| row.topic == topic) {
            Some(row) => topic_detail::draw(frame, area, (row, scene.sight), &mut screen.line, palette),
            None => gone(frame, area, topic.as_str()),
        },
        Some(Open::Node(id)) => match model.nodes.iter().find(|row| row.node == id) {
            Some(row) => detail::draw(frame, area, detail::of_node(row, palette), &mut screen.line),
            None => gone(frame, area, id.name.as_str()),
        },
        Some(Open::Refusal(id)) => match model.refusals.iter().find(|row| row.id == id) {
            Some(row) => detail::draw(
                frame,
                area,
                detail::of_refusal(row, palette, area.width),
                &mut screen.line,
            ),
            None => gone(frame, area, id.reason.as_str()),
        },
        None => {
            let filter = screen.filter.clone();
            match screen.tab {
                Tab::Topics => list(
                    frame,
                    area,
                    &mut screen.topics,
                    (&model.topics, &filter),
                    scene,
                    NO_TOPICS,
                ),
                Tab::Nodes => list(frame, area, &mut screen.nodes, (&model.nodes, &filter), scene, NO_NODES),
                Tab::Refusals => list(
                    frame,
                    area,
                    &mut screen.refusals,
                    (&model.refusals, &filter),
                    scene,
                    NO_REFUSALS,
                ),
            }
        }
    }
}

const NO_TOPICS: &str = "No topics yet. `nuncio doctor` tells why nobody is seen.";
const NO_NODES: &str = "No nodes yet. `nuncio doctor` tells why nobody is seen.";
const NO_REFUSALS: &str = "Nothing is refused by anybody who is believed here.";

fn gone(frame: &mut Frame<'_>, area: Rect, what: &str) {
    frame.render_widget(Paragraph::new(format!("{what} is gone. Esc leads back.")), area);
}

fn list<R: Row>(
    frame: &mut Frame<'_>,
    area: Rect,
    list: &mut List<R>,
    (rows, filter): (&[R], &str),
    scene: &Scene<'_>,
    nothing: &str,
) {
    let shown = list.shown(rows, filter);
    if shown.is_empty() {
        let text = if rows.is_empty() {
            nothing
        } else {
            "Nothing fits the filter."
        };
        frame.render_widget(Paragraph::new(text), area);
        return;
    }
    let (palette, columns) = (scene.palette, columns_that_fit::<R>(area.width, list.sort));
    let lines = usize::from(area.height.saturating_sub(1));
    let place = list.selected(&shown).map_or(0, |(place, _)| place);
    let start = list.window(place, lines, shown.len());
    let headings = columns.iter().filter_map(|(index, width)| {
        let column = R::columns().get(*index)?;
        let mark = match (*index == list.sort, column.align.is_descending() != list.is_reversed) {
            (false, _) => "",
            (true, true) => "↓",
            (true, false) => "↑",
        };
        // Where there is no room for the mark, it takes the place of the last letters.
        let room = usize::from(*width).saturating_sub(mark.chars().count());
        let name: String = column.heading.chars().take(room).collect();
        let text = fitted(&format!("{name}{mark}"), *width, column.align);
        Some(Cell::from(Span::styled(text, palette.heading())))
    });
    let cells = |(index, row): (usize, &R)| {
        let cells = columns.iter().filter_map(|(column, width)| {
            let column = R::columns().get(*column)?;
            let cell = (column.cell)(row);
            let text = fitted(&cell.text, *width, column.align);
            // What is selected is one bar.
            let style = if index == place {
                palette.in_bar(cell.meaning)
            } else {
                palette.of(cell.meaning)
            };
            Some(Cell::from(Span::styled(text, style)))
        });
        TableRow::new(cells.collect::<Vec<_>>())
    };
    let visible = shown.iter().copied().enumerate().skip(start).take(lines).map(cells);
    let widths = columns.iter().map(|(_, width)| Constraint::Length(*width));
    let table = Table::new(visible, widths)
        .header(TableRow::new(headings.collect::<Vec<_>>()))
        .column_spacing(1)
        .row_highlight_style(palette.selected());
    let mut state = TableState::new().with_selected(place.checked_sub(start));
    frame.render_stateful_widget(table, area, &mut state);
}

/// A text in so many characters. Names lose their beginning, for it is by their ends that they differ.
pub(crate) fn fitted(text: &str, width: u16, align: Align) -> String {
    let width = usize::from(width);
    let len = text.chars().count();
    if align == Align::Trend {
        return text.chars().skip(len.saturating_sub(width)).collect();
    }
    if len > width {
        let kept = text.chars().skip(if text.starts_with('/') {
            len + 1 - width.max(1)
        } else {
            0
        });
        return match text.starts_with('/') {
            true => std::iter::once('…').chain(kept).take(width).collect(),
            false => kept
                .take(width.saturating_sub(1))
                .chain(std::iter::once('…'))
                .take(width)
                .collect(),
        };
    }
    match align {
        Align::Left | Align::Trend => text.to_owned(),
        Align::Right => format!("{text:>width$}"),
    }
}

fn title(screen: &Screen, scene: &Scene<'_>, width: u16) -> Line<'static> {
    let (model, palette) = (scene.model, scene.palette);
    let mut spans = vec![Span::styled("nuncio ", palette.of(Meaning::Strong))];
    for (index, tab) in Tab::ALL.into_iter().enumerate() {
        let count = match tab {
            Tab::Topics => model.topics.len(),
            Tab::Nodes => model.nodes.len(),
            Tab::Refusals => model.refusals.len(),
        };
        let style = match (tab == screen.tab, tab == Tab::Refusals && count > 0) {
            (true, _) => palette.selected(),
            (false, true) => palette.of(Meaning::Attention),
            (false, false) => Style::new(),
        };
        spans.push(Span::styled(format!(" {} {} {count} ", index + 1, tab.title()), style));
    }
    let paused = if screen.is_paused { "PAUSED " } else { "" };
    let left_out = match model.left_out {
        0 => String::new(),
        more => format!("{more} MORE LEFT OUT "),
    };
    let used: usize = spans.iter().map(Span::width).sum();
    let place = format!("{paused}{left_out}{}", scene.place);
    let room = usize::from(width).saturating_sub(used + 1);
    let place = if place.chars().count() > room {
        format!("{paused}{left_out}")
    } else {
        place
    };
    let meaning = if paused.is_empty() && left_out.is_empty() {
        Meaning::Quiet
    } else {
        Meaning::Attention
    };
    spans.push(Span::styled(format!(" {place:>room$}"), palette.of(meaning)));
    Line::from(spans)
}

/// The keys that may be pressed now, as many as there is room for, the most needed first.
fn keys_line(screen: &Screen, palette: Palette, width: u16) -> Line<'static> {
    let keys: &[(&str, &str)] = match (screen.is_filtering, screen.shows_help, &screen.open) {
        (true, ..) => &[("Enter", "done"), ("Esc", "no filter")],
        (_, true, _) => &[("Esc", "back"), ("↑↓", "move")],
        (_, _, Some(Open::Topic(_))) => &[
            ("q", "quit"),
            ("Esc", "back"),
            ("↑↓", "field to plot"),
            ("Space", "pause"),
            ("?", "help"),
        ],
        (_, _, Some(_)) => &[
            ("q", "quit"),
            ("Esc", "back"),
            ("↑↓", "move"),
            ("Space", "pause"),
            ("?", "help"),
        ],
        _ => &[
            ("q", "quit"),
            ("?", "help"),
            ("↑↓", "select"),
            ("Enter", "open"),
            ("Tab", "next list"),
            ("s", "sort"),
            ("r", "reverse"),
            ("/", "filter"),
            ("Space", "pause"),
            ("z", "zero"),
        ],
    };
    let (mut spans, mut left) = (Vec::new(), usize::from(width));
    for (key, what) in keys {
        let Some(rest) = left.checked_sub(key.chars().count() + what.chars().count() + 3) else {
            break;
        };
        left = rest;
        spans.push(Span::styled((*key).to_owned(), palette.key()));
        spans.push(Span::raw(format!(" {what}  ")));
    }
    Line::from(spans)
}

#[cfg(test)]
mod tests;
