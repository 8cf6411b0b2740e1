//! `trust test`: a table of what shall be permitted and what not, checked against trust.toml.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use nuncio::security::decision::Question;
use nuncio::{Reason, TrustMode, clock};

use super::{CommandError, Outcome};
use crate::acquaintances::WhoError;
use crate::answers::trust::{TrustTestEnd, TrustTestRow};
use crate::cli::{GlobalArgs, TrustTest};
use crate::expectations::{Expectation, Expected, read_table};
use crate::render::{Render, Tone, count};
use crate::trust_home::TrustHome;

/// What one row was found to be.
#[derive(Debug)]
struct Found {
    /// `permit`, `refuse` or, where the row cannot be asked, `error`.
    word: &'static str,
    /// The reason of a refusal, or what is wrong with the row.
    reason: Option<String>,
    ok: bool,
}

pub(super) fn run(render: &Render, global: &GlobalArgs, args: &TrustTest) -> Result<Outcome, CommandError> {
    let home = TrustHome::open(global)?;
    let text = read(&args.file)
        .map_err(|error| io::Error::new(error.kind(), format!("cannot read {}: {error}", args.file.display())))?;
    home.tell_what_is_asked(render);
    if home.policy.mode != TrustMode::Enforce {
        render.note(format!(
            "mode {} asks for no role; --trust-mode enforce asks as if trust.toml said so",
            home.policy.mode
        ));
    }
    let now_ns = clock::now_ns();
    let now_ns = args.at.map_or(now_ns, |at| at.at_ns(now_ns));
    let rows = read_table(&text);
    let (mut failed, all) = (0, rows.len());
    for (row, expectation) in (1..).zip(&rows) {
        let found = ask(&home, expectation, now_ns);
        failed += usize::from(!found.ok);
        print(render, row, expectation, &found)?;
    }
    let ok = failed == 0 && all > 0;
    if render.is_json() {
        render.answer(&TrustTestEnd { rows: all, failed, ok })?;
    } else if all == 0 {
        render.warning(format!("{} has no rows", args.file.display()));
    } else {
        let verdict = match failed {
            0 => format!("{}, all as expected", count(all, "row")),
            _ => format!("{failed} of {} not as expected", count(all, "row")),
        };
        render.line((failed > 0).then_some(Tone::Warning), &verdict)?;
    }
    Ok(if ok { Outcome::Found } else { Outcome::Wrong })
}

/// Every table is shorter.
const TABLE_LEN_MAX: u64 = 64 * 1024 * 1024;

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let len = if path == Path::new("-") {
        io::stdin().lock().take(TABLE_LEN_MAX).read_to_string(&mut text)?
    } else {
        fs::File::open(path)?.take(TABLE_LEN_MAX).read_to_string(&mut text)?
    };
    match u64::try_from(len) {
        Ok(len) if len < TABLE_LEN_MAX => Ok(text),
        _ => Err(io::Error::other(format!(
            "expected less than {TABLE_LEN_MAX} bytes, found more"
        ))),
    }
}

fn ask(home: &TrustHome, expectation: &Expectation, now_ns: i64) -> Found {
    let wrong = |reason: String| Found {
        word: "error",
        reason: Some(reason),
        ok: false,
    };
    let asked = match &expectation.asked {
        Ok(asked) => asked,
        Err(error) => return wrong(error.clone()),
    };
    let key = match home.find(&expectation.key) {
        Ok(key) => key,
        // No policy is asked about such a key.
        Err(WhoError::Weak(_)) => return refused(Reason::WeakKey, asked.expected),
        Err(error) => return wrong(error.to_string()),
    };
    let chain = match home.own_chain(key) {
        Ok(chain) => chain,
        Err(error) => return wrong(error.to_string()),
    };
    let decision = home.policy.decide(&Question {
        key,
        certificate: chain.as_ref().map(Ok),
        action: asked.action,
        topic: &asked.topic,
        domain: &home.domain,
        now_ns,
    });
    match decision.answer {
        Ok(_) => Found {
            word: "permit",
            reason: None,
            ok: asked.expected == Expected::Permit,
        },
        Err(refusal) => refused(refusal.reason, asked.expected),
    }
}

fn refused(reason: Reason, expected: Expected) -> Found {
    Found {
        word: "refuse",
        reason: Some(reason.to_string()),
        ok: match expected {
            Expected::Permit => false,
            Expected::Refuse => true,
            Expected::Reason(expected) => expected == reason,
        },
    }
}

fn print(render: &Render, row: usize, expectation: &Expectation, found: &Found) -> Result<(), CommandError> {
    let Expectation {
        line,
        key,
        action,
        topic,
        expected,
        ..
    } = expectation;
    if render.is_json() {
        return Ok(render.answer(&TrustTestRow {
            row,
            key,
            action,
            topic,
            expected,
            found: found.word,
            reason: found.reason.as_deref(),
            ok: found.ok,
        })?);
    }
    let result = match &found.reason {
        Some(reason) => format!("{}: {reason}", found.word),
        None => found.word.to_owned(),
    };
    let text = match found.ok {
        true => format!("ok      {key} {action} {topic}: {result}"),
        false => format!("FAILED  line {line}: {key} {action} {topic}: expected {expected}, found {result}"),
    };
    Ok(render.line((!found.ok).then_some(Tone::Warning), &text)?)
}
