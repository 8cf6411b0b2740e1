//! From the name in a field to the message that is meant, or to what may have been meant.

use crate::ast::ElementAst;
use crate::model::{Element, InterfaceKind, Primitive, TypeName};
use crate::near_name::near_names;

/// The full name of the message that an element is made of; `None` when it is no message.
pub(super) fn qualified(element: &ElementAst, own_package: &str) -> Option<TypeName> {
    let ElementAst::Named { package, name } = element else {
        return None;
    };
    let package = package.as_deref().unwrap_or(own_package).to_owned();
    Some(TypeName {
        package,
        kind: InterfaceKind::Msg,
        name: name.clone(),
    })
}

/// An element that is no message.
pub(super) fn plain_element(element: &ElementAst) -> Element {
    match element {
        ElementAst::Primitive(primitive) => Element::Primitive(*primitive),
        ElementAst::Text { kind, bound } => Element::Text {
            kind: *kind,
            bound: *bound,
        },
        // Callers ask `qualified` first, and the parser refuses constants of such types.
        ElementAst::Named { .. } => Element::Primitive(Primitive::Uint8),
    }
}

/// What to write instead of an unknown name.
pub(super) fn suggestion<'a>(unknown: &TypeName, known: impl Iterator<Item = &'a TypeName> + Clone) -> String {
    let messages = known.filter(|name| name.kind == InterfaceKind::Msg);
    let mut same_name: Vec<String> = messages
        .clone()
        .filter(|name| name.name == unknown.name)
        .map(|name| format!("`{}/{}`", name.package, name.name))
        .collect();
    if !same_name.is_empty() {
        same_name.sort();
        same_name.truncate(3);
        return format!("did you mean {}?", same_name.join(" or "));
    }
    let in_package = messages.clone().filter(|name| name.package == unknown.package);
    let near = near_names(&unknown.name, in_package.clone().map(|name| name.name.as_str()));
    if !near.is_empty() {
        let near: Vec<String> = near
            .iter()
            .map(|name| format!("`{}/{name}`", unknown.package))
            .collect();
        return format!("did you mean {}?", near.join(" or "));
    }
    if in_package.clone().next().is_some() {
        return format!(
            "package `{}` has no message of this name; add the file, or correct the name",
            unknown.package
        );
    }
    let near = near_names(&unknown.package, messages.map(|name| name.package.as_str()));
    match near.first() {
        Some(package) => format!("did you mean package `{package}`?"),
        None => format!(
            "no package `{}` is known; put it into the folder, or depend on the crate that has it",
            unknown.package
        ),
    }
}
