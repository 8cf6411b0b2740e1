//! From names of the interface language to names of Rust.

use crate::model::TypeName;

/// Words that Rust keeps for itself, of all editions, and that `r#` makes usable.
const KEYWORDS: [&str; 48] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else", "enum",
    "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod", "move",
    "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// Whether Rust keeps the word for itself.
pub(crate) fn is_keyword(word: &str) -> bool {
    lower(word) != word
}

/// The name of a field or a module. No schema name ends with `_`, so `self_` meets no other.
pub(super) fn lower(name: &str) -> String {
    match name {
        "self" | "super" | "crate" => format!("{name}_"),
        _ if KEYWORDS.contains(&name) => format!("r#{name}"),
        _ => name.to_owned(),
    }
}

/// The name of a type: `SetBool_Request` becomes `SetBoolRequest`.
pub(super) fn upper(name: &TypeName) -> String {
    match name.name.as_str() {
        // The only Rust keyword that begins with a capital letter.
        "Self" => "Self_".to_owned(),
        name => name.replace('_', ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_become_raw_and_the_four_that_cannot_get_an_underscore() {
        assert_eq!(
            ["type", "gen", "yield", "x", "self", "crate"].map(lower),
            ["r#type", "r#gen", "r#yield", "x", "self_", "crate_"]
        );
        assert_eq!(upper(&TypeName::parse("a/Self").unwrap()), "Self_");
        assert_eq!(
            upper(&TypeName::parse("a/action/Fold_SendGoal_Request").unwrap()),
            "FoldSendGoalRequest"
        );
    }
}
