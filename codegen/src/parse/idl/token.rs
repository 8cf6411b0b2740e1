//! The words of an `.idl` file: names, numbers, texts and punctuation, each with its place. Comments are skipped.

use crate::ast::Span;

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind<'a> {
    /// A name or a keyword; an escaped name `_struct` comes without its underscore.
    Word(&'a str),
    /// Digits and what may be among them: not yet a number.
    Number(&'a str),
    /// A text in double quotes, or a character in single ones, escapes resolved.
    Text(String),
    /// `{`, `::` and so on.
    Symbol(&'static str),
    /// A line that begins with `#`, without the `#`.
    Directive(&'a str),
    /// What cannot begin any token, and why.
    Wrong(&'static str),
    /// Nothing comes any more.
    End,
}

/// One token and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind<'a>,
    pub(super) at: Span,
}

/// Longer ones first: the first that fits is taken.
const SYMBOLS: [&str; 25] = [
    "::", "<<", ">>", "{", "}", "(", ")", "[", "]", "<", ">", ";", ",", "=", "@", ":", "+", "-", "*", "/", "|", "^",
    "&", "%", "~",
];

/// Reads the tokens of a text one after the other.
#[derive(Debug)]
pub(super) struct Tokens<'a> {
    rest: &'a str,
    /// Counted from 1.
    line: usize,
    /// Bytes of the line that are behind us.
    column: usize,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            rest: text,
            line: 1,
            column: 0,
        }
    }

    /// The next token; at the end, [`Kind::End`] again and again.
    pub(super) fn next(&mut self) -> Token<'a> {
        if let Some(at) = self.skip_blanks() {
            return Token {
                kind: Kind::Wrong("the comment has no end; close it with `*/`"),
                at,
            };
        }
        let (line, start) = (self.line, self.column);
        let kind = self.kind();
        // A text may go on in the next line; its place is then the rest of the first one.
        let end = if line == self.line { self.column } else { start + 1 };
        Token {
            kind,
            at: Span { line, start, end },
        }
    }

    /// Moves over blanks and comments; returns where a comment begins that has no end.
    fn skip_blanks(&mut self) -> Option<Span> {
        loop {
            let blanks = self.rest.len() - self.rest.trim_start().len();
            self.take(blanks);
            if self.rest.starts_with("//") {
                let end = self.rest.find(['\n', '\r']).unwrap_or(self.rest.len());
                self.take(end);
            } else if self.rest.starts_with("/*") {
                let at = Span {
                    line: self.line,
                    start: self.column,
                    end: self.column + 2,
                };
                match self.rest.find("*/") {
                    Some(end) => _ = self.take(end + 2),
                    None => {
                        self.take(self.rest.len());
                        return Some(at);
                    }
                }
            } else {
                return None;
            }
        }
    }

    /// Moves over `len` bytes, which must end between characters.
    fn take(&mut self, len: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(len).unwrap_or((self.rest, ""));
        let mut bytes = taken.bytes().peekable();
        while let Some(byte) = bytes.next() {
            // `\r\n` is one end of a line, and so is `\r` alone.
            let continues = byte == b'\r' && bytes.peek() == Some(&b'\n');
            if (byte == b'\n' || byte == b'\r') && !continues {
                self.line += 1;
                self.column = 0;
            } else {
                self.column += 1;
            }
        }
        self.rest = rest;
        taken
    }

    fn kind(&mut self) -> Kind<'a> {
        let Some(first) = self.rest.chars().next() else {
            return Kind::End;
        };
        let wide = self.rest.starts_with("L\"") || self.rest.starts_with("L'");
        match first {
            '#' => {
                let end = self.rest.find(['\n', '\r']).unwrap_or(self.rest.len());
                Kind::Directive(self.take(end).trim_start_matches('#').trim())
            }
            'L' if wide => {
                self.take(1);
                self.text()
            }
            '"' | '\'' => self.text(),
            _ if first.is_ascii_alphabetic() || first == '_' => {
                let word = self.run(|letter| letter.is_ascii_alphanumeric() || letter == '_');
                Kind::Word(word.strip_prefix('_').filter(|name| !name.is_empty()).unwrap_or(word))
            }
            _ if first.is_ascii_digit() || first == '.' => self.number(),
            _ => match SYMBOLS.iter().find(|symbol| self.rest.starts_with(**symbol)) {
                Some(symbol) => {
                    self.take(symbol.len());
                    Kind::Symbol(symbol)
                }
                None => {
                    self.take(first.len_utf8());
                    Kind::Wrong("no word of IDL begins with this character")
                }
            },
        }
    }

    fn run(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|letter| !belongs(letter)).unwrap_or(self.rest.len());
        self.take(end)
    }

    /// Digits, with the sign of an exponent.
    fn number(&mut self) -> Kind<'a> {
        let hexadecimal = self.rest.starts_with("0x") || self.rest.starts_with("0X");
        let mut before = '0';
        let end = self.rest.find(|letter: char| {
            let sign = matches!(letter, '+' | '-') && matches!(before, 'e' | 'E') && !hexadecimal;
            before = letter;
            !(sign || letter.is_ascii_alphanumeric() || letter == '.' || letter == '_')
        });
        Kind::Number(self.take(end.unwrap_or(self.rest.len())))
    }

    /// From the opening quote to the closing one.
    fn text(&mut self) -> Kind<'a> {
        let quote = self.rest.chars().next().unwrap_or('"');
        self.take(quote.len_utf8());
        let mut value = String::new();
        loop {
            let plain = self.run(|letter| letter != quote && !matches!(letter, '\\' | '\n' | '\r'));
            value.push_str(plain);
            match self.rest.chars().next() {
                Some(letter) if letter == quote => {
                    self.take(quote.len_utf8());
                    return Kind::Text(value);
                }
                Some('\\') => match self.escape() {
                    Some(letter) => value.push(letter),
                    None => {
                        return Kind::Wrong(
                            "this escape has no meaning; `\\n`, `\\\"`, `\\\\`, `\\x41` and `\\u00e4` have",
                        );
                    }
                },
                _ => return Kind::Wrong("the text has no end in its line; close it with a quote"),
            }
        }
    }

    /// What a backslash and the characters after it stand for.
    fn escape(&mut self) -> Option<char> {
        self.take(1);
        let letter = self.rest.chars().next()?;
        let simple = match letter {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'v' => '\u{b}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'a' => '\u{7}',
            '\\' | '?' | '\'' | '"' => letter,
            'x' => {
                self.take(1);
                return self.code(16, 2);
            }
            'u' => {
                self.take(1);
                return self.code(16, 4);
            }
            '0'..='7' => return self.code(8, 3),
            _ => return None,
        };
        self.take(1);
        Some(simple)
    }

    fn code(&mut self, radix: u32, longest: usize) -> Option<char> {
        let digits = self
            .rest
            .chars()
            .take(longest)
            .take_while(|digit| digit.is_digit(radix))
            .count();
        let code = u32::from_str_radix(self.take(digits), radix).ok()?;
        char::from_u32(code).filter(|letter| *letter != '\0')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Kind<'_>> {
        let mut tokens = Tokens::new(text);
        std::iter::from_fn(|| Some(tokens.next().kind))
            .take_while(|kind| *kind != Kind::End)
            .collect()
    }

    #[test]
    fn texts_have_escapes_and_comments_have_none() {
        let text = r#"// "x
            a /* " * */ L"b\n\"\x41\u00e4\101" _struct 'c'"#;
        let expected = [
            Kind::Word("a"),
            Kind::Text("b\n\"AäA".to_owned()),
            Kind::Word("struct"),
            Kind::Text("c".to_owned()),
        ];
        assert_eq!(kinds(text), expected);
    }

    #[test]
    fn an_exponent_may_have_a_sign_and_a_hexadecimal_number_has_none() {
        assert_eq!(
            kinds("1.5e-3 0x1e-3"),
            [
                Kind::Number("1.5e-3"),
                Kind::Number("0x1e"),
                Kind::Symbol("-"),
                Kind::Number("3")
            ]
        );
    }

    #[test]
    fn every_token_knows_its_line_whatever_ends_lines() {
        let mut tokens = Tokens::new("a\r\nb\rc /*\n*/ d");
        let lines: Vec<(usize, usize)> = (0..4).map(|_| tokens.next().at).map(|at| (at.line, at.start)).collect();
        assert_eq!(lines, [(1, 0), (2, 0), (3, 0), (4, 3)]);
    }

    #[test]
    fn what_has_no_end_is_wrong_and_ends() {
        for text in [
            "/* x",
            "\"x",
            "'",
            "\"\\",
            "\"\\q\"",
            "\"\\x\"",
            "\"\\ud800\"",
            "\"\\0\"",
            "ä",
            "\"a\nb\"",
        ] {
            assert!(kinds(text).iter().any(|kind| matches!(kind, Kind::Wrong(_))), "{text}");
        }
    }
}
