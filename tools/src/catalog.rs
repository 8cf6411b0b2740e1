//! The interfaces that this program was built with, compiled when they are first asked for.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;

use nuncio::TypeSupport;
use nuncio::msgs::SCHEMAS;
use nuncio_codegen::model::{InterfaceKind, TypeName};
use nuncio_codegen::{Diagnostics, Interfaces, SourceFile, near_names};

/// How many near names are offered for one that is unknown.
const NEAR_NAMES: usize = 3;

/// All shipped interfaces, compiled.
///
/// # Errors
///
/// [`Diagnostics`] never, as the program was built from the same texts; but it would say what is wrong.
pub(crate) fn compiled() -> Result<Interfaces, Diagnostics> {
    let sources: Vec<SourceFile> = SCHEMAS
        .iter()
        .filter_map(|schema| {
            let name = TypeName::parse(schema.type_name).ok()?;
            Some(SourceFile::new(schema.type_name, name, schema.text))
        })
        .collect();
    nuncio_codegen::compile(&sources)
}

/// The names of all shipped interfaces, in order.
pub(crate) fn names() -> Vec<TypeName> {
    let mut names: Vec<TypeName> = SCHEMAS
        .iter()
        .filter_map(|schema| TypeName::parse(schema.type_name).ok())
        .collect();
    names.sort();
    names
}

/// The shipped interface that a user names, in the long form or the short one (`std_msgs/String`).
///
/// # Errors
///
/// [`UnknownInterface`] with near names.
pub(crate) fn find(text: &str) -> Result<TypeName, UnknownInterface> {
    let names = names();
    let unknown = || UnknownInterface {
        asked: text.to_owned(),
        near: near(text, &names),
    };
    if let Ok(name) = TypeName::parse(text)
        && names.binary_search(&name).is_ok()
    {
        return Ok(name);
    }
    // The short form of a service or an action; a message of that name was found above.
    let parts: Vec<&str> = text.split('/').collect();
    let [package, base] = parts.as_slice() else {
        return Err(unknown());
    };
    names
        .iter()
        .find(|name| name.package == *package && name.name == *base)
        .cloned()
        .ok_or_else(unknown)
}

/// The codec's view of a shipped message.
///
/// # Errors
///
/// [`Diagnostics`] when the name is none of a message.
pub(crate) fn support(name: &TypeName) -> Result<TypeSupport, Diagnostics> {
    let sources: Vec<(&str, &str)> = SCHEMAS.iter().map(|schema| (schema.type_name, schema.text)).collect();
    TypeSupport::compile(&name.to_string(), &sources)
}

/// The message that a user wants to publish.
///
/// # Errors
///
/// [`UnknownInterface`] for names that are unknown, or of a service or an action.
pub(crate) fn find_message(text: &str) -> Result<TypeName, UnknownInterface> {
    let name = find(text)?;
    match name.kind {
        InterfaceKind::Msg => Ok(name),
        InterfaceKind::Srv | InterfaceKind::Action => Err(UnknownInterface {
            asked: text.to_owned(),
            near: Vec::new(),
        }),
    }
}

/// A name that no shipped interface of the wanted kind has.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct UnknownInterface {
    asked: String,
    near: Vec<String>,
}

impl fmt::Display for UnknownInterface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no interface that fits here is called {:?}", self.asked)?;
        match self.near.as_slice() {
            [] => f.write_str("; `nuncio interface list` shows all"),
            near => write!(f, "; did you mean {}?", near.join(" or ")),
        }
    }
}

impl Error for UnknownInterface {}

/// The shipped names nearest to what was asked, nearest first.
fn near(asked: &str, names: &[TypeName]) -> Vec<String> {
    let full: Vec<String> = names.iter().map(ToString::to_string).collect();
    let short: Vec<String> = names
        .iter()
        .map(|name| format!("{}/{}", name.package, name.name))
        .collect();
    let named = |list: &[String], text: &str| -> Vec<String> {
        let near = near_names(text, list.iter().map(String::as_str));
        let found = |candidate: &str| list.iter().position(|name| name == candidate);
        near.into_iter()
            .filter_map(|name| full.get(found(name)?).cloned())
            .collect()
    };
    let mut near = named(&full, asked);
    near.extend(named(&short, asked));
    if near.is_empty() {
        // `String` or `geometry/Twist`: the last part may be right where the rest is not.
        let base = asked.rsplit('/').next().unwrap_or(asked);
        let bases = near_names(base, names.iter().map(|name| name.name.as_str()));
        let called = names.iter().filter(|name| bases.contains(&name.name.as_str()));
        near = called.map(ToString::to_string).collect();
    }
    let mut seen = BTreeSet::new();
    near.retain(|name| seen.insert(name.clone()));
    near.truncate(NEAR_NAMES);
    near
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_name_are_found() {
        for text in ["geometry_msgs/msg/Twist", "geometry_msgs/Twist"] {
            assert_eq!(find(text).unwrap().to_string(), "geometry_msgs/msg/Twist");
        }
        assert_eq!(find("std_srvs/SetBool").unwrap().to_string(), "std_srvs/srv/SetBool");
    }

    #[test]
    fn near_names_are_offered_for_a_typo() {
        let near = |text: &str| find(text).unwrap_err().near;
        assert_eq!(
            near("geometry_msgs/msg/Twits").first().unwrap(),
            "geometry_msgs/msg/Twist"
        );
        assert_eq!(near("std_msg/String").first().unwrap(), "std_msgs/msg/String");
        assert!(near("MotionCommand").contains(&"nuncio_msgs/msg/MotionCommand".to_owned()));
        assert_eq!(near("nothing_like/it"), Vec::<String>::new());
        assert_eq!(near(&"x".repeat(1 << 20)), Vec::<String>::new());
    }

    #[test]
    fn a_service_cannot_be_published() {
        assert!(find_message("std_srvs/srv/SetBool").is_err());
    }

    #[test]
    fn every_shipped_message_has_a_codec() {
        let interfaces = compiled().unwrap();
        assert_eq!(interfaces.files().count(), SCHEMAS.len());
        let support = support(&find("nuncio_msgs/msg/MotionCommand").unwrap()).unwrap();
        assert!(support.is_exclusive() && support.run_time_type().is_ok());
    }
}
