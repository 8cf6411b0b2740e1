//! Makes text from the network safe for a terminal: nothing in it can move the cursor, change colours, hide what stands
//! beside it or turn it around.
//!
//! This module does no I/O.

use std::borrow::Cow;
use std::fmt::Write;

/// One line of text: control characters, line ends among them, and invisible or reordering characters become escapes.
pub(crate) fn line(text: &str) -> Cow<'_, str> {
    escape(
        text,
        |character| is_hostile(character) || matches!(character, '\n' | '\t'),
        as_escape,
    )
}

/// Text of several lines: as [`line()`], but line ends and tabs stay.
pub(crate) fn lines(text: &str) -> Cow<'_, str> {
    escape(text, is_hostile, as_escape)
}

/// JSON text. What JSON itself lets stand raw, but a terminal acts upon, becomes `\uXXXX`, which means the same.
pub(crate) fn json(text: &str) -> Cow<'_, str> {
    escape(text, is_hostile, |character, out| {
        let mut units = [0; 2];
        for unit in character.encode_utf16(&mut units) {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\u{unit:04x}");
        }
    })
}

fn as_escape(character: char, out: &mut String) {
    out.extend(character.escape_default());
}

fn escape(text: &str, hostile: impl Fn(char) -> bool, replace: impl Fn(char, &mut String)) -> Cow<'_, str> {
    if !text.contains(&hostile) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match hostile(character) {
            true => replace(character, &mut out),
            false => out.push(character),
        }
    }
    Cow::Owned(out)
}

/// C0 (but for line end and tab), DEL, C1, and the characters that reorder, join or hide text.
fn is_hostile(character: char) -> bool {
    match character {
        '\n' | '\t' => false,
        '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' => true,
        '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' => true,
        _ => character.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harmless_text_is_not_copied() {
        assert!(matches!(line("/robot_1/imu – größer 猫 🤖"), Cow::Borrowed(_)));
    }

    #[test]
    fn escape_sequences_lose_their_power() {
        assert_eq!(
            line("a\u{1b}[2Jb\rc\u{9b}31m\u{7f}"),
            "a\\u{1b}[2Jb\\rc\\u{9b}31m\\u{7f}"
        );
        assert_eq!(line("two\nlines\tand a tab"), "two\\nlines\\tand a tab");
    }

    #[test]
    fn text_cannot_be_turned_around_or_hidden() {
        for character in [
            '\u{202e}',
            '\u{2066}',
            '\u{200b}',
            '\u{200f}',
            '\u{feff}',
            '\u{2028}',
            '\u{e0041}',
            '\0',
        ] {
            let text = format!("a{character}b");
            for safe in [line(&text), lines(&text), json(&text)] {
                assert!(
                    !safe.contains(character) && safe.is_ascii(),
                    "{character:?} became {safe:?}"
                );
            }
        }
    }

    #[test]
    fn several_lines_stay_several_lines() {
        assert_eq!(lines("a\n\tb\u{8}\n"), "a\n\tb\\u{8}\n");
    }

    #[test]
    fn json_means_the_same_as_before() {
        let value = serde_json::json!({"text": "x\u{1b}]0;\u{9d}\u{202e}\u{7f}\u{e0041}"});
        let text = value.to_string();
        let safe = json(&text);
        assert!(safe.is_ascii() && !safe.contains('\u{7f}'), "{safe}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).unwrap(), value);
    }
}
