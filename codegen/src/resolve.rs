//! Stage 2: syntax trees become the model. Every name is looked up, every annotation is applied to its field, and
//! messages come out in an order in which each follows all that it refers to.

mod cycle;
mod limits;
mod name;

use std::collections::HashMap;

pub(crate) use self::limits::integer_bounds;

use crate::ast::{FieldAst, FileAst, SectionAst, Span};
use crate::diagnostic::Problems;
use crate::model::derived::implicit_messages;
use crate::model::{Action, Constant, Element, Field, FieldType, InterfaceKind, Message, Service, TypeName};
use crate::parse::{Annotations, joined};
use crate::source::SourceFile;

/// What the files of a compilation mean.
#[derive(Debug, Default)]
pub(crate) struct Model {
    /// Each after what it refers to: those of files, those derived, those that derived ones need.
    pub(crate) messages: Vec<Message>,
    pub(crate) services: Vec<Service>,
    pub(crate) actions: Vec<Action>,
}

/// Resolves the files that could be parsed. Names are looked up among all `sources`, so that a file with an error
/// does not make its own name unknown.
pub(crate) fn resolve(
    files: Vec<FileAst>,
    sources: &[SourceFile],
    annotations: Annotations,
    problems: &mut Problems<'_>,
) -> Model {
    let mut resolver = Resolver {
        known: known(sources, problems),
        annotations,
        problems,
        references: Vec::new(),
    };
    let mut order: Vec<&FileAst> = files.iter().collect();
    order.sort_by(|a, b| a.type_name.cmp(&b.type_name));
    let mut model = Model::default();
    let mut plain = Vec::new();
    for ast in order {
        let mut parts = ast.sections.iter();
        let mut part = |suffix: &str| {
            let section = parts.next().unwrap_or(&EMPTY_SECTION);
            resolver.message(ast, section, suffix)
        };
        match ast.type_name.kind {
            InterfaceKind::Msg => plain.push((ast.file, part(""))),
            InterfaceKind::Srv => {
                let (comment, [request, response]) = whole_comment([part("Request"), part("Response")]);
                model
                    .services
                    .push(Service::derive(ast.type_name.clone(), comment, request, response));
            }
            InterfaceKind::Action => {
                let (comment, parts) = whole_comment([part("Goal"), part("Result"), part("Feedback")]);
                model
                    .actions
                    .push(Action::derive(ast.type_name.clone(), comment, parts));
            }
        }
    }
    let references = std::mem::take(&mut resolver.references);
    model.messages = cycle::dependency_order(plain, &references, resolver.problems);
    model.add_derived();
    model
}

static EMPTY_SECTION: SectionAst = SectionAst {
    comment: String::new(),
    exclusive: false,
    fields: Vec::new(),
    constants: Vec::new(),
};

/// The leading comment of a service or action documents the whole, not its first part.
fn whole_comment<const N: usize>(mut parts: [Message; N]) -> (String, [Message; N]) {
    let comment = parts
        .first_mut()
        .map(|first| std::mem::take(&mut first.comment))
        .unwrap_or_default();
    (comment, parts)
}

impl Model {
    fn add_derived(&mut self) {
        if self.services.is_empty() && self.actions.is_empty() {
            return;
        }
        for message in implicit_messages() {
            if !self.messages.iter().any(|known| known.type_name == message.type_name) {
                self.messages.push(message);
            }
        }
        let of_services = self.services.iter().flat_map(Service::messages);
        let of_actions = self.actions.iter().flat_map(Action::messages);
        let derived: Vec<Message> = of_services.chain(of_actions).cloned().collect();
        self.messages.extend(derived);
    }
}

/// Which source defines each type.
fn known(sources: &[SourceFile], problems: &mut Problems<'_>) -> HashMap<TypeName, usize> {
    let mut known: HashMap<TypeName, usize> = HashMap::new();
    for (file, source) in sources.iter().enumerate() {
        if let Some(first) = known.get(&source.type_name) {
            let first = sources.get(*first).map_or("", |source| &source.path);
            let message = format!("`{}` is defined twice, here and in {first}", source.type_name);
            problems.add(file, Span::default(), message, "remove one of the two files");
            continue;
        }
        known.insert(source.type_name.clone(), file);
    }
    known
}

/// A field of a message that is made of another message.
#[derive(Debug)]
struct Reference {
    from: usize,
    to: usize,
    at: Span,
}

struct Resolver<'a, 'b> {
    known: HashMap<TypeName, usize>,
    annotations: Annotations,
    problems: &'a mut Problems<'b>,
    references: Vec<Reference>,
}

impl Resolver<'_, '_> {
    /// One part of a file as a message; `suffix` is empty for the one part of a `.msg` file.
    fn message(&mut self, ast: &FileAst, section: &SectionAst, suffix: &str) -> Message {
        let type_name = if suffix.is_empty() {
            ast.type_name.clone()
        } else {
            ast.type_name.derived(suffix)
        };
        let constants: Vec<Constant> = section
            .constants
            .iter()
            .map(|constant| Constant {
                name: constant.name.value.clone(),
                element: name::plain_element(&constant.element),
                value: constant.value.clone(),
                comment: self.constant_comment(ast.file, constant),
            })
            .collect();
        let mut fields = Vec::with_capacity(section.fields.len());
        for field in &section.fields {
            let Some(element) = self.element(ast, field) else {
                continue;
            };
            let field_type = FieldType {
                element,
                count: field.count,
            };
            let (limits, unit) = self.limits(ast.file, field, &field_type, &constants);
            let (comment, unit) = match unit {
                Some(unit) => (joined(&field.remarks.lines), Some(unit)),
                None => bracketed_unit(&joined(&field.remarks.lines)),
            };
            let default = field.default.as_ref().map(|default| default.value.clone());
            fields.push(Field {
                name: field.name.value.clone(),
                field_type,
                default,
                comment,
                unit,
                limits,
            });
        }
        let comment = section.comment.clone();
        Message {
            type_name,
            comment,
            exclusive: section.exclusive,
            fields,
            constants,
        }
    }

    fn element(&mut self, ast: &FileAst, field: &FieldAst) -> Option<Element> {
        let Some(name) = name::qualified(&field.element.value, &ast.type_name.package) else {
            return Some(name::plain_element(&field.element.value));
        };
        let Some(to) = self.known.get(&name).copied() else {
            // A suggestion looks at every name; once nobody will read it, it is not made.
            let help = match self.problems.is_full() {
                true => String::new(),
                false => name::suggestion(&name, self.known.keys()),
            };
            self.problems.add(
                ast.file,
                field.element.at,
                format!("there is no message `{name}`"),
                help,
            );
            return None;
        };
        if ast.type_name.kind == InterfaceKind::Msg {
            self.references.push(Reference {
                from: ast.file,
                to,
                at: field.element.at,
            });
        }
        Some(Element::Message(name))
    }
}

/// ROS 2's way to say a unit: the only `[…]` in the comment, without a comma in it. Returns the comment without it.
fn bracketed_unit(comment: &str) -> (String, Option<String>) {
    let unit = || {
        let (before, rest) = comment.split_once('[')?;
        let (unit, after) = rest.split_once(']')?;
        let is_unit = unit.len() <= 32
            && !unit.contains([',', '[', '\n'])
            && unit.contains(|letter: char| letter.is_alphabetic() || "%°".contains(letter));
        (is_unit && !after.contains('[')).then(|| (format!("{}{after}", before.trim_end()), unit.trim().to_owned()))
    };
    match unit() {
        Some((comment, unit)) => (comment.trim().to_owned(), Some(unit)),
        None => (comment.to_owned(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bracket_is_a_unit_and_two_are_prose() {
        let read = |comment| {
            let (comment, unit) = bracketed_unit(comment);
            (comment, unit.unwrap_or_default())
        };
        assert_eq!(read("Speed [m/s]"), ("Speed".to_owned(), "m/s".to_owned()));
        assert_eq!(
            read("Turn [deg] to the left"),
            ("Turn to the left".to_owned(), "deg".to_owned())
        );
        for prose in ["in [0, 1]", "[a] or [b]", "row [0]", "open [", "see [a\nb]", ""] {
            assert_eq!(read(prose), (prose.to_owned(), String::new()));
        }
    }
}
