//! The table that `trust test` reads: CSV, columns with spaces between them, or JSON Lines. Each row by itself: one that is
//! not right does not hide what is wrong with others.
//!
//! This module does no I/O.

use nuncio::security::role::Action;
use nuncio::{Reason, TopicName};
use serde_json::Value;

/// One row, as it is written and as it is understood.
#[derive(Debug)]
pub(crate) struct Expectation {
    /// The line in the file, from 1.
    pub(crate) line: usize,
    pub(crate) key: String,
    pub(crate) action: String,
    pub(crate) topic: String,
    pub(crate) expected: String,
    /// What is asked, or what is wrong with the row.
    pub(crate) asked: Result<Asked, String>,
}

/// What a row asks, its key apart.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) action: Action,
    pub(crate) topic: TopicName,
    pub(crate) expected: Expected,
}

/// What a row expects.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Expected {
    Permit,
    Refuse,
    /// Refused for this reason.
    Reason(Reason),
}

/// The names of the columns, in their order where there is no heading.
const COLUMNS: [&str; 4] = ["key", "action", "topic", "expected"];

/// Reads all rows. Empty lines and comments are none.
pub(crate) fn read_table(text: &str) -> Vec<Expectation> {
    let mut order = COLUMNS.map(ToOwned::to_owned);
    let mut rows = Vec::new();
    for (line, content) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
        let content = content.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        if content.starts_with('{') {
            rows.push(json_row(line, content));
            continue;
        }
        let cells = cells(content);
        match heading(&cells) {
            Some(heading) if rows.is_empty() => order = heading,
            _ => rows.push(text_row(line, &cells, &order)),
        }
    }
    rows
}

/// The cells of a line: between commas if there is one, else between spaces. What follows ` #` is a comment.
fn cells(line: &str) -> Vec<String> {
    let end = line.match_indices('#').map(|(at, _)| at).find(|at| {
        line.get(..*at)
            .is_some_and(|before| before.ends_with(char::is_whitespace))
    });
    let line = line.get(..end.unwrap_or(line.len())).unwrap_or(line);
    let plain = |cell: &str| cell.trim().trim_matches('"').to_owned();
    if line.contains(',') {
        line.split(',').map(plain).collect()
    } else {
        line.split_whitespace().map(plain).collect()
    }
}

/// The order of the columns, if the cells are their names.
fn heading(cells: &[String]) -> Option<[String; 4]> {
    let names: [String; 4] = cells.to_vec().try_into().ok()?;
    let names = names.map(|name| name.to_ascii_lowercase());
    COLUMNS
        .iter()
        .all(|column| names.iter().any(|name| name == column))
        .then_some(names)
}

fn text_row(line: usize, cells: &[String], order: &[String; 4]) -> Expectation {
    let cell = |column: &str| {
        let at = order.iter().position(|name| name == column);
        at.and_then(|at| cells.get(at)).cloned().unwrap_or_default()
    };
    let row = row(line, COLUMNS.map(cell));
    match cells.len() {
        4 => row,
        found => Expectation {
            asked: Err(format!(
                "expected 4 columns (key, action, topic, expected), found {found}"
            )),
            ..row
        },
    }
}

fn json_row(line: usize, text: &str) -> Expectation {
    let object = match serde_json::from_str::<Value>(text) {
        Ok(object) => object,
        Err(error) => {
            return Expectation {
                asked: Err(format!("expected a JSON object on one line, found {error}")),
                ..row(line, Default::default())
            };
        }
    };
    let member = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let row = row(line, COLUMNS.map(member));
    match COLUMNS
        .iter()
        .find(|name| !object.get(**name).is_some_and(Value::is_string))
    {
        None => row,
        Some(missing) => Expectation {
            asked: Err(format!("expected a member {missing:?} with a text, found none")),
            ..row
        },
    }
}

fn row(line: usize, [key, action, topic, expected]: [String; 4]) -> Expectation {
    let asked = || {
        Ok(Asked {
            action: action.to_ascii_lowercase().parse().map_err(text)?,
            topic: TopicName::parse(&absolute(&topic)).map_err(text)?,
            expected: read_expected(&expected)?,
        })
    };
    Expectation {
        line,
        asked: asked(),
        key,
        action,
        topic,
        expected,
    }
}

/// As everywhere on the command line, `chatter` is `/chatter`.
fn absolute(topic: &str) -> String {
    match topic.starts_with('/') {
        true => topic.to_owned(),
        false => format!("/{topic}"),
    }
}

fn read_expected(word: &str) -> Result<Expected, String> {
    match word.to_ascii_lowercase().as_str() {
        "permit" | "permitted" | "allow" | "yes" => Ok(Expected::Permit),
        "refuse" | "refused" | "deny" | "no" => Ok(Expected::Refuse),
        other => {
            let mut reasons = Reason::ALL.into_iter();
            let reason = reasons.find(|reason| reason.to_string().eq_ignore_ascii_case(other));
            reason.map(Expected::Reason).ok_or_else(|| {
                format!("expected is permit (allow, yes), refuse (deny, no) or a reason such as NotPermitted, found {word:?}")
            })
        }
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn understood(table: &str) -> Vec<(usize, String, Action, String, Expected)> {
        let rows = read_table(table).into_iter().map(|row| {
            let asked = row.asked.unwrap_or_else(|error| panic!("line {}: {error}", row.line));
            (
                row.line,
                row.key,
                asked.action,
                asked.topic.as_str().to_owned(),
                asked.expected,
            )
        });
        rows.collect()
    }

    #[test]
    fn all_forms_of_a_table_say_the_same() {
        let csv = "key,action,topic,expected\nalice,publish,/cmd_vel,permit\nbob , call,reset, NotPermitted\n";
        let bare = "alice,publish,/cmd_vel,allow\r\nbob,call,/reset,notpermitted\r\n";
        let columns = "# who  what\n\nalice  publish  /cmd_vel  yes   # of course\nbob\tCALL\t/reset\tnotPermitted\n";
        let json = "{\"key\":\"alice\",\"action\":\"publish\",\"topic\":\"/cmd_vel\",\"expected\":\"permit\"}\n\
                    {\"key\":\"bob\",\"action\":\"call\",\"topic\":\"reset\",\"expected\":\"NotPermitted\",\"note\":1}";
        let turned = "\u{feff}expected topic action key\npermit /cmd_vel publish alice\nNotPermitted /reset call bob\n";
        for table in [csv, bare, columns, json, turned] {
            let rows = understood(table);
            let [(_, alice, publish, cmd_vel, permit), (_, bob, call, reset, reason)] = rows.as_slice() else {
                panic!("{table}: {rows:?}");
            };
            assert_eq!(
                (alice.as_str(), *publish, cmd_vel.as_str()),
                ("alice", Action::Publish, "/cmd_vel")
            );
            assert_eq!((bob.as_str(), *call, reset.as_str()), ("bob", Action::Call, "/reset"));
            assert_eq!(
                (*permit, *reason),
                (Expected::Permit, Expected::Reason(Reason::NotPermitted))
            );
        }
    }

    #[test]
    fn the_line_of_the_file_is_told() {
        let lines: Vec<usize> = understood("# a\n\na publish /x no\n\nb serve /x deny\n")
            .into_iter()
            .map(|row| row.0)
            .collect();
        assert_eq!(lines, [3, 5]);
    }

    #[test]
    fn a_row_that_is_not_right_says_why_and_hides_no_other() {
        let table = "a publish /x\na shout /x permit\na publish /x perhaps\na publish //x permit\n{\"key\":1}\n{\n\
                     a publish /x permit";
        let rows = read_table(table);
        let problem = |index: usize| rows[index].asked.as_ref().err().map(String::as_str).unwrap_or_default();
        assert_eq!(problem(0), "expected 4 columns (key, action, topic, expected), found 3");
        assert_eq!(problem(1), "an action is `publish`, `serve` or `call`, found \"shout\"");
        assert!(problem(2).ends_with("found \"perhaps\""), "{}", problem(2));
        assert!(!problem(3).is_empty());
        assert_eq!(problem(4), "expected a member \"key\" with a text, found none");
        assert!(
            problem(5).starts_with("expected a JSON object on one line"),
            "{}",
            problem(5)
        );
        assert!(rows[6].asked.is_ok());
        assert_eq!(rows.len(), 7);
    }
}
