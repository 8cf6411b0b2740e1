//! Constants and default values, checked against their type.

use crate::ast::ElementAst;
use crate::model::{Count, DefaultValue, Primitive, Scalar, TextKind};

/// What is wrong with a value.
#[derive(Debug)]
pub(super) struct WrongValue {
    pub(super) message: String,
    pub(super) help: String,
}

fn wrong<T>(message: impl Into<String>, help: impl Into<String>) -> Result<T, WrongValue> {
    Err(WrongValue {
        message: message.into(),
        help: help.into(),
    })
}

/// Reads a default value of a field.
pub(super) fn default_value(element: &ElementAst, count: Count, text: &str) -> Result<DefaultValue, WrongValue> {
    if let ElementAst::Named { .. } = element {
        return scalar(element, text).map(DefaultValue::One);
    }
    let bound = match count {
        Count::One => return Ok(DefaultValue::One(scalar(element, text)?)),
        Count::Array(count) => Some(count),
        Count::Sequence { bound } => bound,
    };
    let Some(inside) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) else {
        return wrong("the default value of a list is a list", "write `[1, 2, 3]`");
    };
    let is_text = matches!(element, ElementAst::Text { .. });
    let values = split(inside, is_text)
        .into_iter()
        .map(|part| scalar_in_list(element, part.trim()))
        .collect::<Result<Vec<Scalar>, WrongValue>>()?;
    let found = values.len();
    match (count, bound.and_then(|bound| usize::try_from(bound).ok())) {
        (Count::Array(_), Some(size)) if found != size => wrong(
            format!("the list has {found} values, the array has {size}"),
            format!("give exactly {size} values"),
        ),
        (_, Some(bound)) if found > bound => {
            let message = format!("the list has {found} values, the sequence holds at most {bound}");
            wrong(message, format!("give at most {bound} values"))
        }
        _ => Ok(DefaultValue::List(values)),
    }
}

fn scalar_in_list(element: &ElementAst, text: &str) -> Result<Scalar, WrongValue> {
    if text.is_empty() {
        return wrong(
            "a value of the list is empty",
            "write the values between commas; an empty text is `\"\"`",
        );
    }
    scalar(element, text)
}

/// The parts between commas; a comma inside quotes of a text does not count.
fn split(text: &str, is_text: bool) -> Vec<&str> {
    if text.trim().is_empty() {
        return Vec::new();
    }
    let mut quote = None;
    let mut escaped = false;
    let mut fresh = true;
    text.split(|letter: char| {
        let separates = letter == ',' && quote.is_none();
        match quote {
            _ if escaped => escaped = false,
            Some(_) if letter == '\\' => escaped = true,
            Some(open) if letter == open => quote = None,
            None if is_text && fresh && matches!(letter, '"' | '\'') => quote = Some(letter),
            _ => {}
        }
        fresh = separates || fresh && letter.is_whitespace();
        separates
    })
    .collect()
}

/// Reads one value of a primitive or a text.
pub(super) fn scalar(element: &ElementAst, text: &str) -> Result<Scalar, WrongValue> {
    if text.is_empty() {
        return wrong(
            "the value is missing",
            "write it behind the `=`; an empty text is `\"\"`",
        );
    }
    match element {
        ElementAst::Text { kind, bound } => text_value(*kind, *bound, text),
        ElementAst::Named { name, .. } => wrong(
            format!("a field of type `{name}` cannot have a default value"),
            "only primitives, texts and lists of them can; put the defaults into that message",
        ),
        ElementAst::Primitive(Primitive::Bool) => match text.to_ascii_lowercase().as_str() {
            "true" | "1" => Ok(Scalar::Bool(true)),
            "false" | "0" => Ok(Scalar::Bool(false)),
            _ => wrong(format!("`{text}` is not a truth value"), "write true or false"),
        },
        ElementAst::Primitive(primitive) => match primitive.integer_range() {
            Some((low, high)) => integer(*primitive, low, high, text),
            None => float(*primitive, text),
        },
    }
}

fn integer(primitive: Primitive, low: i128, high: i128, text: &str) -> Result<Scalar, WrongValue> {
    let name = primitive.as_str();
    let help = format!("{name} holds whole numbers from {low} to {high}");
    match whole(text) {
        None => wrong(format!("`{text}` is not a whole number"), help),
        Some(value) if (low..=high).contains(&value) => Ok(Scalar::Integer(value)),
        Some(_) => wrong(format!("{text} does not fit into {name}"), help),
    }
}

/// A whole number in base 10, 16, 8 or 2, with its sign. One that no type holds is the greatest or least there is.
pub(super) fn whole(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.get(..2) {
        Some("0x") => (16, lower.get(2..).unwrap_or_default()),
        Some("0o") => (8, lower.get(2..).unwrap_or_default()),
        Some("0b") => (2, lower.get(2..).unwrap_or_default()),
        _ => (10, lower.as_str()),
    };
    let digits = without_separators(digits).filter(|digits| digits.chars().all(|digit| digit.is_digit(radix)))?;
    let magnitude = i128::from_str_radix(&digits, radix).unwrap_or(i128::MAX);
    Some(if negative { -magnitude } else { magnitude })
}

fn float(primitive: Primitive, text: &str) -> Result<Scalar, WrongValue> {
    let name = primitive.as_str();
    let value = without_separators(text).and_then(|text| text.parse::<f64>().ok());
    let Some(value) = value else {
        return wrong(
            format!("`{text}` is not a number"),
            format!("{name} takes numbers such as 1, -0.5 or 1e-3"),
        );
    };
    let overflows = value.is_infinite() && !text.to_ascii_lowercase().contains("inf");
    #[expect(clippy::cast_possible_truncation, reason = "whether it overflows is the question")]
    let overflows = overflows || primitive == Primitive::Float32 && value.is_finite() && (value as f32).is_infinite();
    if overflows {
        return wrong(
            format!("{text} does not fit into {name}"),
            "take float64, or a smaller number",
        );
    }
    Ok(Scalar::Float(value))
}

/// The number without the `_` between its digits, as Python allows them; `None` when one stands elsewhere.
fn without_separators(text: &str) -> Option<String> {
    let bad = text.is_empty() || text.starts_with('_') || text.ends_with('_') || text.contains("__");
    (!bad).then(|| text.replace('_', ""))
}

/// Outer quotes, single or double, keep blanks at the ends; inside them the same quote needs a backslash.
fn text_value(kind: TextKind, bound: Option<u32>, text: &str) -> Result<Scalar, WrongValue> {
    let mut value = text.to_owned();
    for quote in ['"', '\''] {
        let Some(inside) = text.strip_prefix(quote) else {
            continue;
        };
        let Some(inside) = inside.strip_suffix(quote) else {
            let help = format!("end the text with {quote}; a `#` begins a comment even inside quotes");
            return wrong(format!("the text begins with {quote} and does not end with it"), help);
        };
        if has_bare_quote(inside, quote) {
            let help = format!("write \\{quote} inside a text in {quote}");
            return wrong(format!("the text has a {quote} in it"), help);
        }
        value = inside.replace(&format!("\\{quote}"), &quote.to_string());
    }
    bounded_text(kind, bound, value)
}

/// A text that is as it shall be, when it is not too long.
pub(super) fn bounded_text(kind: TextKind, bound: Option<u32>, value: String) -> Result<Scalar, WrongValue> {
    let length = kind.length(&value);
    match bound.and_then(|bound| usize::try_from(bound).ok()) {
        Some(bound) if length > bound => {
            let unit = match kind {
                TextKind::String => "bytes",
                TextKind::Wstring => "UTF-16 units",
            };
            wrong(
                format!("the text has {length} {unit}, the bound is {bound}"),
                "shorten the text or raise the bound",
            )
        }
        _ => Ok(Scalar::Text(value)),
    }
}

fn has_bare_quote(text: &str, quote: char) -> bool {
    let mut escaped = false;
    for letter in text.chars() {
        if letter == quote && !escaped {
            return true;
        }
        escaped = letter == '\\';
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRING: ElementAst = ElementAst::Text {
        kind: TextKind::String,
        bound: None,
    };

    fn number(primitive: Primitive, text: &str) -> Option<Scalar> {
        scalar(&ElementAst::Primitive(primitive), text).ok()
    }

    #[test]
    fn integers_are_read_as_python_reads_them() {
        for (text, value) in [
            ("42", 42),
            ("-0x10", -16),
            ("+7", 7),
            ("010", 10),
            ("1_000", 1000),
            ("0b101", 5),
        ] {
            assert_eq!(number(Primitive::Int64, text), Some(Scalar::Integer(value)), "{text}");
        }
        for text in ["", "-", "0x", "1.0", "_1", "1__0", "'a'", "--1", "1 2", "٣"] {
            assert_eq!(number(Primitive::Int64, text), None, "{text}");
        }
    }

    #[test]
    fn the_ends_of_each_integer_type_fit_and_nothing_beyond() {
        for primitive in Primitive::ALL {
            let Some((low, high)) = primitive.integer_range() else {
                continue;
            };
            assert_eq!(number(primitive, &low.to_string()), Some(Scalar::Integer(low)));
            assert_eq!(number(primitive, &high.to_string()), Some(Scalar::Integer(high)));
            assert_eq!(number(primitive, &(low - 1).to_string()), None);
            assert_eq!(number(primitive, &(high + 1).to_string()), None);
        }
        assert_eq!(number(Primitive::Uint64, &"9".repeat(10_000)), None);
    }

    #[test]
    fn a_float_that_would_become_infinite_is_refused() {
        assert_eq!(number(Primitive::Float32, "1e39"), None);
        assert_eq!(number(Primitive::Float64, "1e999"), None);
        assert_eq!(number(Primitive::Float64, "1e39"), Some(Scalar::Float(1e39)));
        assert_eq!(
            number(Primitive::Float32, "-inf"),
            Some(Scalar::Float(f64::NEG_INFINITY))
        );
    }

    #[test]
    fn quotes_keep_blanks_and_may_be_escaped() {
        for (text, value) in [
            (r#"" a ""#, " a "),
            (r#"'it\'s'"#, "it's"),
            (r#""it's""#, "it's"),
            (r#""say \"x\"""#, r#"say "x""#),
            ("plain words", "plain words"),
            (r#""""#, ""),
        ] {
            assert_eq!(scalar(&STRING, text).unwrap(), Scalar::Text(value.to_owned()), "{text}");
        }
        for text in [r#""a"#, r#"""#, r#""a"b""#] {
            assert!(scalar(&STRING, text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_comma_in_quotes_does_not_separate() {
        let list = default_value(&STRING, Count::Sequence { bound: None }, r#"["a, b", 'c\',', d]"#).unwrap();
        let expected = ["a, b", "c',", "d"].map(|text| Scalar::Text(text.to_owned()));
        assert_eq!(list, DefaultValue::List(expected.to_vec()));
    }

    #[test]
    fn lists_fit_their_count() {
        let byte = ElementAst::Primitive(Primitive::Uint8);
        assert!(default_value(&byte, Count::Array(2), "[1, 2]").is_ok());
        assert!(default_value(&byte, Count::Array(2), "[1]").is_err());
        assert!(default_value(&byte, Count::Sequence { bound: Some(1) }, "[1, 2]").is_err());
        assert!(default_value(&byte, Count::Sequence { bound: None }, "[]").is_ok());
        assert!(default_value(&byte, Count::Sequence { bound: None }, "[1,]").is_err());
        assert!(default_value(&byte, Count::Sequence { bound: None }, "1").is_err());
    }

    #[test]
    fn bounds_of_texts_count_what_ros_counts() {
        let narrow = ElementAst::Text {
            kind: TextKind::String,
            bound: Some(2),
        };
        let wide = ElementAst::Text {
            kind: TextKind::Wstring,
            bound: Some(2),
        };
        assert!(scalar(&narrow, "ä").is_ok() && scalar(&narrow, "€").is_err());
        assert!(scalar(&wide, "€€").is_ok() && scalar(&wide, "€😀").is_err());
    }
}
