//! The graph as a drawing: who publishes and calls on the left, topics, services and actions in the middle, who subscribes and
//! serves on the right. Lines run between the columns only, so that no text is crossed.
//!
//! Colours follow the reader's, light or dark, and never say anything alone.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{Kind, Meeting, NodeGraph};
use crate::field_series::svg::escaped;
use crate::standing::NodeId;

/// How wide a character may be, in any font of fixed width.
const CHARACTER: f64 = 7.4;
/// The most characters of a line; what is cut stands whole in the box's title.
const COLUMNS_MAX: usize = 46;
const BOX_HEIGHT: f64 = 42.0;
/// From one box to the one below it.
const PITCH: f64 = 54.0;
const PADDING: f64 = 12.0;
const MARGIN: f64 = 24.0;
/// Room for the headings.
const HEAD: f64 = 56.0;
/// Room for the lines between two columns.
const GAP: f64 = 150.0;

const STYLE: &str = "<style>\n\
text{font:12px \"DejaVu Sans Mono\",\"Liberation Mono\",Menlo,Consolas,monospace;fill:#111}\n\
.back{fill:#fff}.quiet{fill:#555}.bad{fill:#b71c1c}\n\
.node{fill:#f4f4f4;stroke:#777}.meeting{fill:#eaf1fd;stroke:#2f6fde}.disbelieved{fill:#fdecec;stroke:#b71c1c;stroke-dasharray:5 3}\n\
.way{fill:none;stroke:#8593a6}.tip{fill:#8593a6}\n\
@media (prefers-color-scheme:dark){\n\
text{fill:#eee}.back{fill:#161616}.quiet{fill:#aaa}.bad{fill:#ff8a80}\n\
.node{fill:#262626;stroke:#888}.meeting{fill:#16243c;stroke:#6ea0ff}.disbelieved{fill:#3a1a1a;stroke:#ff8a80}\n\
.way{stroke:#7a8799}.tip{fill:#7a8799}}\n\
</style>\n\
<defs><marker id=\"tip\" markerWidth=\"8\" markerHeight=\"8\" refX=\"7\" refY=\"4\" orient=\"auto\">\
<path class=\"tip\" d=\"M0 1L7 4L0 7z\"/></marker></defs>\n";

/// A box with two lines of text.
struct Label {
    lines: [String; 2],
    /// Classes of the box and of its second line.
    looks: [&'static str; 2],
    /// How round its corners are.
    corner: f64,
}

/// Boxes below each other.
struct Column {
    left: f64,
    width: f64,
    /// Each with its middle.
    boxes: Vec<(Label, f64)>,
}

/// The drawing.
pub(crate) fn svg(graph: &NodeGraph) -> String {
    let middles: Vec<f64> = (0..graph.meetings.len()).map(row).collect();
    let is_sink = |id: &NodeId| graph.meetings.iter().any(|meeting| meeting.sinks.contains(id));
    let is_source = |id: &NodeId| graph.meetings.iter().any(|meeting| meeting.sources.contains(id));
    let ids = graph.nodes.keys();
    // Who has nothing to do with anybody is seen, too.
    let sources: Vec<&NodeId> = ids.clone().filter(|id| is_source(id) || !is_sink(id)).collect();
    let sinks: Vec<&NodeId> = ids.filter(|id| is_sink(id)).collect();
    let sources = placed(&sources, &middles, |id, meeting| meeting.sources.contains(id), graph);
    let sinks = placed(&sinks, &middles, |id, meeting| meeting.sinks.contains(id), graph);

    let left = Column::new(
        MARGIN,
        sources.iter().map(|(id, at)| (node_label(graph, id), *at)).collect(),
    );
    let labels = graph.meetings.iter().map(meeting_label).zip(middles.iter().copied());
    let middle = Column::new(left.right() + GAP, labels.collect());
    let right = Column::new(
        middle.right() + GAP,
        sinks.iter().map(|(id, at)| (node_label(graph, id), *at)).collect(),
    );

    let columns = [&left, &middle, &right];
    let lowest = columns
        .iter()
        .flat_map(|column| &column.boxes)
        .map(|(_, at)| *at)
        .fold(HEAD, f64::max);
    let (width, height) = (right.right() + MARGIN, lowest + BOX_HEIGHT / 2.0 + MARGIN);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
         height=\"{height:.0}\">\n{STYLE}<rect class=\"back\" width=\"100%\" height=\"100%\"/>\n"
    );
    let headings = [
        "publish and call",
        "topics, services and actions",
        "subscribe and serve",
    ];
    for (column, heading) in columns.iter().zip(headings) {
        // Writing into a String cannot fail.
        let _ = writeln!(
            text,
            "<text class=\"quiet\" x=\"{:.1}\" y=\"30\">{heading}</text>",
            column.left
        );
    }
    let (from, to): (BTreeMap<_, _>, BTreeMap<_, _>) = (sources.into_iter().collect(), sinks.into_iter().collect());
    for (meeting, at) in graph.meetings.iter().zip(&middles) {
        for y in meeting.sources.iter().filter_map(|id| from.get(id)) {
            way(&mut text, (left.right(), *y), (middle.left, *at));
        }
        for y in meeting.sinks.iter().filter_map(|id| to.get(id)) {
            way(&mut text, (middle.right(), *at), (right.left, *y));
        }
    }
    columns.iter().for_each(|column| column.draw(&mut text));
    text.push_str("</svg>\n");
    text
}

/// The middle of a row of boxes.
fn row(index: usize) -> f64 {
    HEAD + BOX_HEIGHT / 2.0 + PITCH * index as f64
}

/// Each node beside the middle of what it has to do with, as far as there is room.
fn placed<'a>(
    ids: &[&'a NodeId],
    middles: &[f64],
    has: impl Fn(&NodeId, &Meeting) -> bool,
    graph: &NodeGraph,
) -> Vec<(&'a NodeId, f64)> {
    let wished = |id: &NodeId| {
        let own = graph
            .meetings
            .iter()
            .zip(middles)
            .filter(|(meeting, _)| has(id, meeting));
        let (count, sum) = own.fold((0, 0.0), |(count, sum), (_, at)| (count + 1, sum + at));
        if count == 0 { f64::MAX } else { sum / f64::from(count) }
    };
    let mut nodes: Vec<(&NodeId, f64)> = ids.iter().map(|id| (*id, wished(id))).collect();
    nodes.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(b.0)));
    let rows = nodes.len().max(middles.len());
    let mut free = row(0);
    let mut left_below = nodes.len();
    for (_, at) in &mut nodes {
        left_below -= 1;
        // As low as leaves room for those that follow.
        let lowest = row(rows - 1 - left_below);
        *at = at.clamp(free, lowest.max(free));
        free = *at + PITCH;
    }
    nodes
}

fn node_label(graph: &NodeGraph, id: &NodeId) -> Label {
    let shown = graph.nodes.get(id);
    let is_good = shown.is_some_and(|shown| shown.standing.trust.is_good());
    Label {
        lines: [
            id.name.to_string(),
            shown.map_or_else(String::new, |shown| shown.signer(&id.key)),
        ],
        looks: if is_good {
            ["node", "quiet"]
        } else {
            ["disbelieved", "bad"]
        },
        corner: 3.0,
    }
}

fn meeting_label(meeting: &Meeting) -> Label {
    let (corner, kind) = match meeting.kind {
        Kind::Topic => (BOX_HEIGHT / 2.0, String::new()),
        kind => (9.0, format!("{}: ", kind.as_str())),
    };
    Label {
        lines: [meeting.name.to_string(), format!("{kind}{}", meeting.type_text())],
        looks: ["meeting", if meeting.types.len() > 1 { "bad" } else { "quiet" }],
        corner,
    }
}

impl Column {
    fn new(left: f64, boxes: Vec<(Label, f64)>) -> Self {
        let lines = boxes.iter().flat_map(|(label, _)| &label.lines);
        let columns = lines.map(|line| columns(line).min(COLUMNS_MAX)).max().unwrap_or(20);
        Self {
            left,
            width: columns.max(20) as f64 * CHARACTER + 2.0 * PADDING,
            boxes,
        }
    }

    fn right(&self) -> f64 {
        self.left + self.width
    }

    fn draw(&self, text: &mut String) {
        for (label, middle) in &self.boxes {
            let (top, [look, second_look]) = (middle - BOX_HEIGHT / 2.0, label.looks);
            let _ = write!(
                text,
                "<g><title>{}</title><rect class=\"{look}\" x=\"{:.1}\" y=\"{top:.1}\" width=\"{:.1}\" \
                 height=\"{BOX_HEIGHT}\" rx=\"{}\"/>",
                escaped(&label.lines.join("\n")),
                self.left,
                self.width,
                label.corner,
            );
            for (line, (down, class)) in label.lines.iter().zip([(17.0, "name"), (33.0, second_look)]) {
                let _ = write!(
                    text,
                    "<text class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                    self.left + PADDING,
                    top + down,
                    escaped(&cut(line)),
                );
            }
            text.push_str("</g>\n");
        }
    }
}

fn way(text: &mut String, (x, y): (f64, f64), (to_x, to_y): (f64, f64)) {
    let half = f64::midpoint(x, to_x);
    let _ = writeln!(
        text,
        "<path class=\"way\" marker-end=\"url(#tip)\" d=\"M{x:.1} {y:.1}C{half:.1} {y:.1} {half:.1} {to_y:.1} {to_x:.1} \
         {to_y:.1}\"/>"
    );
}

/// How many characters wide a text may be: letters outside of ASCII may be twice as wide as others.
fn columns(text: &str) -> usize {
    text.chars()
        .map(|character| if character.is_ascii() { 1 } else { 2 })
        .sum()
}

/// A line that is not too long, without its middle where it has to be cut.
fn cut(line: &str) -> String {
    if columns(line) <= COLUMNS_MAX {
        return line.to_owned();
    }
    let side = (COLUMNS_MAX - 2) / 2;
    let within = |characters: &mut dyn Iterator<Item = char>| -> Vec<char> {
        let mut used = 0;
        let fits = |character: &char| {
            used += if character.is_ascii() { 1 } else { 2 };
            used <= side
        };
        characters.take_while(fits).collect()
    };
    let (begin, end) = (within(&mut line.chars()), within(&mut line.chars().rev()));
    begin.into_iter().chain(['…']).chain(end.into_iter().rev()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_loses_its_middle() {
        let name = format!("/robot/{}/image_raw", "x".repeat(200));
        let short = cut(&name);
        assert!(
            short.starts_with("/robot/xx") && short.ends_with("xx/image_raw"),
            "{short}"
        );
        assert!(columns(&short) <= COLUMNS_MAX);
        assert!(columns(&cut(&"猫".repeat(100))) <= COLUMNS_MAX);
        assert_eq!(cut("/chatter"), "/chatter");
    }
}
