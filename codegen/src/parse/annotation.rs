//! Our annotations inside a comment: `@range`, `@unit`, `@enum`, `@max_age`, `@finite`, `@exclusive`.
//!
//! ROS 2 sees prose. So do we, unless the `@word` opens the comment, follows the end of a sentence, or follows
//! another annotation: a mail address or a doxygen command in the middle of a sentence is nobody's annotation.

use std::time::Duration;

use crate::ast::{Annotation, Node, Span};
use crate::near_name::near_names;

/// The words, and the form of each.
const WORDS: [(&str, &str); 6] = [
    ("range", "@range [-1.5, 1.5]"),
    ("unit", "@unit m/s"),
    ("enum", "@enum MODE_"),
    ("max_age", "@max_age 200ms"),
    ("finite", "@finite"),
    ("exclusive", "@exclusive"),
];

/// Doxygen commands that look like a slip in one of ours.
const DOXYGEN: [&str; 6] = ["em", "end", "until", "line", "date", "note"];

/// How many pieces one line is taken apart into: more is an attempt to keep us busy.
const MAX_PIECES: usize = 32;

/// A piece of a comment, in the order of the text.
#[derive(Debug)]
pub(super) enum Piece<'a> {
    Prose(&'a str),
    Annotation(Node<Annotation>),
    Wrong { at: Span, message: String, help: String },
}

/// Takes a comment, which begins with `#`, apart.
pub(super) fn pieces(comment: &str, at: Span) -> Vec<Piece<'_>> {
    let text = comment.trim_start_matches('#');
    let text = text.strip_prefix(' ').unwrap_or(text);
    let offset = comment.len() - text.len();
    let mut found = Vec::new();
    let mut rest = text;
    while found.len() < MAX_PIECES {
        let at_start = !matches!(found.last(), Some(Piece::Prose(_)));
        let Some(start) = token_start(rest, at_start) else {
            break;
        };
        let (prose, token) = rest.split_at(start);
        push_prose(&mut found, prose);
        let position = offset + (text.len() - token.len());
        let (piece, used) = annotation(
            token,
            Span {
                line: at.line,
                start: at.start + position,
                end: at.end,
            },
        );
        rest = token.get(used..).unwrap_or_default();
        found.push(piece);
    }
    push_prose(&mut found, rest);
    found
}

/// Adds prose without the blanks that separate it from an annotation before it.
fn push_prose<'a>(found: &mut Vec<Piece<'a>>, prose: &'a str) {
    let prose = match found.last() {
        Some(Piece::Annotation(_) | Piece::Wrong { .. }) => prose.trim_start(),
        Some(Piece::Prose(_)) | None => prose,
    };
    if !prose.trim().is_empty() {
        found.push(Piece::Prose(prose));
    }
}

/// Where the first `@word` stands that can be an annotation: at the start, or after the end of a sentence.
fn token_start(text: &str, at_start: bool) -> Option<usize> {
    let opens = |index: usize| {
        let before = text.get(..index).unwrap_or_default();
        let sentence = before.trim_end();
        let place = if sentence.is_empty() {
            at_start
        } else {
            sentence.len() < before.len() && sentence.ends_with(['.', '!', '?', ';', ':'])
        };
        place && !word_of(text.get(index..).unwrap_or_default()).is_empty()
    };
    text.match_indices('@')
        .map(|(index, _)| index)
        .find(|index| opens(*index))
}

/// The letters after the `@`, or nothing when they run on into something else, as in an address.
fn word_of(token: &str) -> &str {
    let letters = token.strip_prefix('@').unwrap_or_default();
    let end = letters
        .find(|letter: char| !letter.is_ascii_alphabetic() && letter != '_')
        .unwrap_or(letters.len());
    let (word, rest) = letters.split_at(end);
    let ends = rest.is_empty() || rest.starts_with(char::is_whitespace) || rest.starts_with(['[', ',', ';', ':']);
    let full_stop = rest
        .strip_prefix('.')
        .is_some_and(|tail| tail.is_empty() || tail.starts_with(' '));
    if ends || full_stop { word } else { "" }
}

/// Reads the token that begins here, and says how many bytes belong to it.
fn annotation(token: &str, at: Span) -> (Piece<'_>, usize) {
    let word = word_of(token);
    let after_word = word.len() + 1;
    let rest = token.get(after_word..).unwrap_or_default();
    let value = match word {
        "range" => range(rest),
        "unit" => unit(rest),
        "enum" => argument(rest, |text| Some(Annotation::Enum(text.to_owned()))),
        "max_age" => argument(rest, |text| duration(text).map(Annotation::MaxAge)),
        "finite" => Some((Annotation::Finite, full_stop(rest))),
        "exclusive" => Some((Annotation::Exclusive, full_stop(rest))),
        other => return (unknown(other, token, at), after_word),
    };
    match value {
        Some((value, used)) => {
            let end = after_word + used;
            let at = Span {
                end: at.start + token.get(..end).unwrap_or(token).trim_end().len(),
                ..at
            };
            (Piece::Annotation(Node { value, at }), end)
        }
        None => {
            let form = WORDS
                .iter()
                .find(|(known, _)| *known == word)
                .map_or("", |(_, form)| form);
            let at = Span {
                end: at.start + token.trim_end().len(),
                ..at
            };
            let help = format!("write `{form}`");
            (
                Piece::Wrong {
                    at,
                    message: format!("cannot read the argument of `@{word}`"),
                    help,
                },
                token.len(),
            )
        }
    }
}

/// A word that is not ours: prose, unless it looks like a slip.
fn unknown<'a>(word: &str, token: &'a str, at: Span) -> Piece<'a> {
    let near = if DOXYGEN.contains(&word) {
        Vec::new()
    } else {
        near_names(word, WORDS.iter().map(|(known, _)| *known))
    };
    match near.first() {
        Some(meant) => Piece::Wrong {
            at: Span {
                end: at.start + word.len() + 1,
                ..at
            },
            message: format!("unknown annotation `@{word}`"),
            help: format!("did you mean `@{meant}`?"),
        },
        None => Piece::Prose(token.get(..=word.len()).unwrap_or(token)),
    }
}

/// How many bytes a full stop after a word without argument takes.
fn full_stop(rest: &str) -> usize {
    usize::from(rest.starts_with('.'))
}

/// ` [low, high]`
fn range(rest: &str) -> Option<(Annotation, usize)> {
    let open = rest.find(|letter: char| !letter.is_whitespace())?;
    let inside = rest.get(open..)?.strip_prefix('[')?;
    let close = inside.find(']')?;
    let (low, high) = inside.get(..close)?.split_once(',')?;
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    let used = open + 1 + close + 1;
    let used = used + full_stop(rest.get(used..)?);
    Some((
        Annotation::Range {
            low: number(low)?,
            high: number(high)?,
        },
        used,
    ))
}

/// ` m/s`, up to the end of the sentence or the next annotation.
fn unit(rest: &str) -> Option<(Annotation, usize)> {
    let sentence = rest.find(". ").map(|index| (index, index + 1));
    let next = rest.find(" @").map(|index| (index, index));
    let (end, used) = sentence
        .into_iter()
        .chain(next)
        .min()
        .unwrap_or((rest.len(), rest.len()));
    let unit = rest.get(..end)?.trim().trim_end_matches('.');
    (!unit.is_empty() && unit.len() <= 64).then(|| (Annotation::Unit(unit.to_owned()), used))
}

/// One word, handed to `read` without the punctuation behind it.
fn argument(rest: &str, read: impl Fn(&str) -> Option<Annotation>) -> Option<(Annotation, usize)> {
    let start = rest.find(|letter: char| !letter.is_whitespace())?;
    let text = rest.get(start..)?;
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let word = text.get(..end)?.trim_end_matches(['.', ',', ';']);
    let value = read(word)?;
    (!word.is_empty()).then_some((value, start + end))
}

/// `200ms`, `1.5s`: a positive decimal number and ns, us, ms, s, min or h.
fn duration(text: &str) -> Option<Duration> {
    let unit = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
    let (number, unit) = text.split_at(unit);
    let nanoseconds = match unit {
        "ns" => 1.0,
        "us" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        "min" => 60e9,
        "h" => 3600e9,
        _ => return None,
    };
    let total = number.parse::<f64>().ok()? * nanoseconds;
    // An i64 of nanoseconds is what stamps are compared in.
    (total >= 1.0 && total < i64::MAX as f64).then(|| Duration::from_nanos(total.round() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(comment: &str) -> (String, Vec<Annotation>, Vec<String>) {
        let (mut prose, mut annotations, mut wrong) = (String::new(), Vec::new(), Vec::new());
        for piece in pieces(
            comment,
            Span {
                line: 1,
                start: 0,
                end: comment.len(),
            },
        ) {
            match piece {
                Piece::Prose(text) => prose.push_str(text),
                Piece::Annotation(node) => annotations.push(node.value),
                Piece::Wrong { message, .. } => wrong.push(message),
            }
        }
        (prose.trim_end().to_owned(), annotations, wrong)
    }

    #[test]
    fn several_annotations_share_a_line_with_prose() {
        let (prose, annotations, wrong) = read("# Forward speed. @unit m/s @finite @range [-1.5, 2]");
        assert_eq!(prose, "Forward speed.");
        let expected = [
            Annotation::Unit("m/s".to_owned()),
            Annotation::Finite,
            Annotation::Range { low: -1.5, high: 2.0 },
        ];
        assert_eq!(annotations, expected);
        assert!(wrong.is_empty());
    }

    #[test]
    fn prose_may_follow_an_annotation() {
        let (prose, annotations, _) = read("# @unit kg m^2. About the axis. @finite. Never negative");
        assert_eq!(prose, "About the axis. Never negative");
        assert_eq!(annotations, [Annotation::Unit("kg m^2".to_owned()), Annotation::Finite]);
    }

    #[test]
    fn an_at_sign_inside_prose_is_prose() {
        for comment in [
            "# Ask somebody@range.com about it",
            "# See the @range of values",
            "# @range.com is a host",
            "# @brief A thing",
            "# @param x what",
            "# @see other",
            "# @note this",
            "# @em emphasis",
            "# @user said so",
            "# 5 @ 10",
            "# @",
        ] {
            let (prose, annotations, wrong) = read(comment);
            assert_eq!(
                (prose.as_str(), annotations, wrong),
                (comment.get(2..).unwrap(), vec![], vec![]),
                "{comment}"
            );
        }
    }

    #[test]
    fn a_slip_is_reported() {
        for comment in [
            "# @rnage [0, 1]",
            "# @Range [0, 1]",
            "# @units m",
            "# @maxage 1s",
            "# @exclusiv",
            "# Text. @finit",
        ] {
            let (_, annotations, wrong) = read(comment);
            assert!(annotations.is_empty());
            assert_eq!(wrong.len(), 1, "{comment}");
        }
    }

    #[test]
    fn an_argument_that_cannot_be_read_is_reported() {
        for comment in [
            "# @range",
            "# @range 0..1",
            "# @range [a, b]",
            "# @range [0]",
            "# @range [0, inf]",
            "# @unit",
            "# @max_age 5",
            "# @max_age 0s",
            "# @max_age -1s",
            "# @max_age 1e9h",
            "# @enum",
            "# @max_age 9999999999h",
        ] {
            assert_eq!(read(comment).2.len(), 1, "{comment}");
        }
    }

    #[test]
    fn durations_have_their_unit() {
        for (text, nanoseconds) in [
            ("200ms", 200_000_000),
            ("1.5s", 1_500_000_000),
            ("2min", 120_000_000_000),
            ("7ns", 7),
        ] {
            assert_eq!(duration(text), Some(Duration::from_nanos(nanoseconds)), "{text}");
        }
    }
}
