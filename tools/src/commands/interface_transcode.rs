//! `interface transcode`: one message from one form into another, standard input to standard output.

use std::error::Error;
use std::fmt;
use std::io::{self, Read};

use nuncio::clock;
use nuncio::run_time_type::{DecodeError, RunTimeType};

use super::{CommandError, Outcome};
use crate::catalog::Catalog;
use crate::cli::{InterfaceTranscode, MessageForm};
use crate::render::{Render, block, hex};

/// The longest input that is read, in bytes: the digits of a message of 256 MiB.
const INPUT_LEN_MAX: u64 = 512 << 20;

pub(super) fn run(render: &Render, catalog: &Catalog, args: InterfaceTranscode) -> Result<Outcome, CommandError> {
    if render.is_json() && args.to != MessageForm::Json {
        return Err(TranscodeError::NoJson.into());
    }
    let interfaces = catalog.compiled()?;
    let name = match catalog.find_message_or_part(&interfaces, &args.type_name) {
        Ok(name) => name,
        Err(unknown) => {
            render.note(unknown);
            return Ok(Outcome::Nothing);
        }
    };
    let Some(description) = interfaces.describe(&name) else {
        return Ok(Outcome::Nothing);
    };
    let octets = match (args.hex, args.raw) {
        (_, true) => Octets::Raw,
        (_, false) => Octets::Hex,
    };
    let codec = RunTimeType::new(&description)?;
    let payload = payload_of(&codec, args.from, octets, input(io::stdin().lock())?)?;
    match codec.check(&payload) {
        // What others sent is shown as it is, with a word about what is wrong with it.
        Err(DecodeError::Limit(violation)) => render.warning(violation),
        checked => checked?,
    }
    print(render, &codec, args.to, octets, &payload)?;
    Ok(Outcome::Found)
}

/// How bytes stand on standard input and output.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Octets {
    Hex,
    Raw,
}

fn input(stdin: impl Read) -> Result<Vec<u8>, TranscodeError> {
    let mut bytes = Vec::new();
    let read = stdin.take(INPUT_LEN_MAX + 1).read_to_end(&mut bytes);
    match read {
        Ok(_) if bytes.len() as u64 > INPUT_LEN_MAX => Err(TranscodeError::TooLong),
        Ok(_) => Ok(bytes),
        Err(error) => Err(TranscodeError::Unreadable(error)),
    }
}

fn payload_of(codec: &RunTimeType, form: MessageForm, octets: Octets, input: Vec<u8>) -> Result<Vec<u8>, CommandError> {
    match form {
        MessageForm::Json => Ok(codec.from_json_text(&text(input)?, clock::now_ns())?),
        MessageForm::Yaml => Ok(codec.from_yaml_text(&text(input)?, clock::now_ns())?),
        MessageForm::Postcard => Ok(bytes_of(input, octets)?),
        MessageForm::Cdr => {
            let mut payload = Vec::new();
            codec.cdr_to_payload(&bytes_of(input, octets)?, &mut payload)?;
            Ok(payload)
        }
    }
}

fn print(
    render: &Render,
    codec: &RunTimeType,
    form: MessageForm,
    octets: Octets,
    payload: &[u8],
) -> Result<(), CommandError> {
    let bytes = match form {
        MessageForm::Json => {
            let mut json = String::new();
            codec.write_json(payload, &mut json)?;
            return Ok(render.message(&json)?);
        }
        MessageForm::Yaml => return Ok(render.lines(&block(&codec.to_json(payload)?, None, &|_, _| None))?),
        MessageForm::Postcard => payload,
        MessageForm::Cdr => {
            let mut cdr = Vec::new();
            codec.payload_to_cdr(payload, &mut cdr)?;
            return print_bytes(render, octets, &cdr);
        }
    };
    print_bytes(render, octets, bytes)
}

fn print_bytes(render: &Render, octets: Octets, bytes: &[u8]) -> Result<(), CommandError> {
    match octets {
        Octets::Raw => render.raw(bytes)?,
        Octets::Hex => render.line(None, &hex(bytes))?,
    }
    Ok(())
}

fn text(input: Vec<u8>) -> Result<String, TranscodeError> {
    String::from_utf8(input).map_err(|error| TranscodeError::NoText {
        offset: error.utf8_error().valid_up_to(),
    })
}

/// The bytes themselves, or what their hexadecimal digits mean; white space between digits means nothing.
fn bytes_of(input: Vec<u8>, octets: Octets) -> Result<Vec<u8>, TranscodeError> {
    if octets == Octets::Raw {
        return Ok(input);
    }
    let mut bytes = Vec::with_capacity(input.len() / 2);
    let mut first = None;
    for (offset, byte) in input.into_iter().enumerate() {
        if byte.is_ascii_whitespace() {
            continue;
        }
        let digit = char::from(byte).to_digit(16);
        let digit = digit.ok_or(TranscodeError::NoDigit { offset, byte })? as u8;
        match first.take() {
            None => first = Some(digit),
            Some(high) => bytes.push(high << 4 | digit),
        }
    }
    match first {
        None => Ok(bytes),
        Some(_) => Err(TranscodeError::HalfByte { whole: bytes.len() }),
    }
}

/// Why standard input is no message.
#[derive(Debug)]
enum TranscodeError {
    /// What is asked for is no JSON.
    NoJson,
    Unreadable(io::Error),
    TooLong,
    /// JSON and YAML are text.
    NoText {
        offset: usize,
    },
    NoDigit {
        offset: usize,
        byte: u8,
    },
    HalfByte {
        whole: usize,
    },
}

impl fmt::Display for TranscodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoJson => {
                f.write_str("with --json the message is printed as JSON; say --to json, or leave --json out")
            }
            Self::Unreadable(error) => write!(f, "standard input cannot be read: {error}"),
            Self::TooLong => write!(
                f,
                "standard input has more than {INPUT_LEN_MAX} bytes; give one message at a time"
            ),
            Self::NoText { offset } => write!(f, "standard input is no UTF-8 text: expected a letter at byte {offset}"),
            Self::NoDigit { offset, byte } => write!(
                f,
                "expected hexadecimal digits on standard input, found the byte {byte:02x} at byte {offset}; \
                 for bytes as they are give --raw"
            ),
            Self::HalfByte { whole } => write!(
                f,
                "expected two hexadecimal digits for each byte, found one digit after {whole} bytes"
            ),
        }
    }
}

impl Error for TranscodeError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_either_case_and_white_space_are_read() {
        assert_eq!(
            bytes_of(b" 00 aB\nFf\n".to_vec(), Octets::Hex).unwrap(),
            [0, 0xAB, 0xFF]
        );
        assert_eq!(bytes_of(b"00 z".to_vec(), Octets::Raw).unwrap(), b"00 z");
    }

    #[test]
    fn what_is_no_digit_is_named_with_its_place() {
        let error = bytes_of(b"00 0z".to_vec(), Octets::Hex).unwrap_err().to_string();
        assert!(error.contains("found the byte 7a at byte 4"), "{error}");
        let error = bytes_of(b"00 0".to_vec(), Octets::Hex).unwrap_err().to_string();
        assert!(error.contains("one digit after 1 bytes"), "{error}");
    }
}
