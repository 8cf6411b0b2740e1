//! The graph as text for Graphviz.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{Kind, NodeGraph};

/// The text. What is drawn is called `n0`, `m0` and so on; names are in labels only, where they are quoted.
pub(crate) fn dot(graph: &NodeGraph) -> String {
    let mut text = "digraph nuncio {\n  rankdir=LR;\n  node [fontname=\"sans-serif\", fontsize=11];\n".to_owned();
    let numbers: BTreeMap<_, _> = graph.nodes.keys().zip(0_usize..).collect();
    for (id, shown) in &graph.nodes {
        let label = label(&[&id.name.to_string(), &shown.signer(&id.key)]);
        let number = numbers.get(id).copied().unwrap_or_default();
        // What is not believed is told by a word, and by its look.
        let look = match shown.standing.trust.is_good() {
            true => "",
            false => ", style=dashed, color=red, fontcolor=red",
        };
        // Writing into a String cannot fail.
        let _ = writeln!(text, "  n{number} [shape=box, label={label}{look}];");
    }
    for (number, meeting) in graph.meetings.iter().enumerate() {
        let shape = match meeting.kind {
            Kind::Topic => "ellipse",
            Kind::Service => "hexagon",
            Kind::Action => "octagon",
        };
        let label = label(&[meeting.name.as_str(), &meeting.type_text()]);
        let _ = writeln!(text, "  m{number} [shape={shape}, label={label}];");
        for from in meeting.sources.iter().filter_map(|id| numbers.get(id)) {
            let _ = writeln!(text, "  n{from} -> m{number};");
        }
        for to in meeting.sinks.iter().filter_map(|id| numbers.get(id)) {
            let _ = writeln!(text, "  m{number} -> n{to};");
        }
    }
    text.push_str("}\n");
    text
}

/// Lines of text as one quoted label. Graphviz reads backslashes in it, and `&amp;` as HTML does.
fn label(lines: &[&str]) -> String {
    let mut quoted = String::from("\"");
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            quoted.push_str("\\n");
        }
        for character in line.chars() {
            match character {
                '"' => quoted.push_str("\\\""),
                '\\' => quoted.push_str("\\\\"),
                '&' => quoted.push_str("&amp;"),
                character if character.is_control() => quoted.push('\u{fffd}'),
                character => quoted.push(character),
            }
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_holds_any_text_and_never_ends_early() {
        assert_eq!(
            label(&["/a", "x\"]; evil [\\N&lt;\n"]),
            "\"/a\\nx\\\"]; evil [\\\\N&amp;lt;\u{fffd}\""
        );
        assert_eq!(label(&["ends with \\"]), "\"ends with \\\\\"");
    }
}
