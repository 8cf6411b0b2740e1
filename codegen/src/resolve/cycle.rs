//! The order of messages in which each follows what it refers to, and the circle when there is none.

use super::Reference;
use crate::diagnostic::Problems;
use crate::model::Message;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Visit {
    New,
    Open,
    Done,
}

/// A message that is being visited, and the next of its references to follow.
#[derive(Clone, Copy, Debug)]
struct Step {
    node: usize,
    next: usize,
}

/// Sorts the messages, each given with the number of its file, and reports every circle.
///
/// The stack is on the heap: a chain of messages may be as long as somebody likes.
pub(super) fn dependency_order(
    messages: Vec<(usize, Message)>,
    references: &[Reference],
    problems: &mut Problems<'_>,
) -> Vec<Message> {
    let files = messages.iter().map(|(file, _)| file + 1).max().unwrap_or(0);
    let mut node_of_file: Vec<Option<usize>> = vec![None; files];
    for (node, (file, _)) in messages.iter().enumerate() {
        if let Some(entry) = node_of_file.get_mut(*file) {
            *entry = Some(node);
        }
    }
    let node = |file: usize| node_of_file.get(file).copied().flatten();
    let mut edges: Vec<Vec<(usize, &Reference)>> = vec![Vec::new(); messages.len()];
    for reference in references {
        if let (Some(from), Some(to)) = (node(reference.from), node(reference.to))
            && let Some(list) = edges.get_mut(from)
        {
            list.push((to, reference));
        }
    }
    let order = visit_all(&edges, |path, closing| {
        let names: Vec<String> = path
            .iter()
            .chain(path.first())
            .filter_map(|node| messages.get(*node))
            .map(|(_, message)| message.type_name.to_string())
            .collect();
        problems.add(
            closing.from,
            closing.at,
            format!("the message contains itself: {}", names.join(" → ")),
            "a message has a fixed shape; refer to the other one by a name or an index instead",
        );
    });
    let mut slots: Vec<Option<Message>> = messages.into_iter().map(|(_, message)| Some(message)).collect();
    order
        .into_iter()
        .filter_map(|node| slots.get_mut(node).and_then(Option::take))
        .collect()
}

/// Depth first; `on_circle` is given the nodes of a circle and the reference that closes it.
fn visit_all<'a>(
    edges: &[Vec<(usize, &'a Reference)>],
    mut on_circle: impl FnMut(&[usize], &'a Reference),
) -> Vec<usize> {
    let mut visits = vec![Visit::New; edges.len()];
    let mut order = Vec::with_capacity(edges.len());
    for start in 0..edges.len() {
        let mut path = Vec::new();
        if visits.get(start) == Some(&Visit::New) {
            path.push(Step { node: start, next: 0 });
        }
        while let Some(step) = path.last_mut() {
            let (node, edge) = (step.node, step.next);
            step.next += 1;
            set(&mut visits, node, Visit::Open);
            let Some((to, reference)) = edges.get(node).and_then(|list| list.get(edge)) else {
                set(&mut visits, node, Visit::Done);
                order.push(node);
                path.pop();
                continue;
            };
            match visits.get(*to) {
                Some(Visit::New) => path.push(Step { node: *to, next: 0 }),
                Some(Visit::Open) => {
                    let circle: Vec<usize> = path
                        .iter()
                        .map(|step| step.node)
                        .skip_while(|node| node != to)
                        .collect();
                    on_circle(&circle, reference);
                }
                Some(Visit::Done) | None => {}
            }
        }
    }
    order
}

fn set(visits: &mut [Visit], node: usize, visit: Visit) {
    if let Some(entry) = visits.get_mut(node) {
        *entry = visit;
    }
}
