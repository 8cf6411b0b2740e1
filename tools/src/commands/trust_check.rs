//! `trust check`: why a key may do something, or may not, rule by rule.

use std::fs;
use std::path::Path;

use nuncio::security::certificate::CertificateError;
use nuncio::security::certificate_chain::CertificateChain;
use nuncio::security::decision::{Decision, Question, Step};
use nuncio::security::time_text::utc_text;
use nuncio::{PublicKey, clock};

use super::{CommandError, Outcome};
use crate::acquaintances::ME;
use crate::answers::trust::{TrustChecked, TrustStep};
use crate::cli::{GlobalArgs, TrustCheck};
use crate::policy_words::list;
use crate::render::{Render, Table, Tone, short_key};
use crate::trust_home::TrustHome;

pub(super) fn run(render: &Render, global: &GlobalArgs, args: &TrustCheck) -> Result<Outcome, CommandError> {
    let home = TrustHome::open(global)?;
    let key = home.find(&args.whom)?;
    let certificate = match &args.cert {
        Some(path) => Some(read_chain(path)?),
        None => home.own_chain(key)?.map(Ok),
    };
    let now_ns = clock::now_ns();
    let question = Question {
        key,
        certificate: certificate.as_ref().map(Result::as_ref),
        action: args.action,
        topic: &args.topic,
        domain: &home.domain,
        now_ns: args.at.map_or(now_ns, |at| at.at_ns(now_ns)),
    };
    let (decision, steps) = home.policy.explain(&question);
    home.tell_what_is_asked(render);
    match render.is_json() {
        true => render.answer(&checked(&home, &question, &decision, &steps))?,
        false => print(render, &home, &question, &decision, &steps)?,
    }
    Ok(match decision.answer {
        Ok(_) => Outcome::Found,
        Err(_) => Outcome::Refused,
    })
}

/// The certificates in a file; what is wrong with them is for the decision to say.
fn read_chain(path: &Path) -> Result<Result<CertificateChain, CertificateError>, CommandError> {
    let text = fs::read_to_string(path)
        .map_err(|error| std::io::Error::new(error.kind(), format!("cannot read {}: {error}", path.display())))?;
    Ok(CertificateChain::parse(&text))
}

fn print(
    render: &Render,
    home: &TrustHome,
    question: &Question<'_>,
    decision: &Decision,
    steps: &[Step],
) -> Result<(), CommandError> {
    let head = format!(
        "may {} {} {} in domain {}, at {}, in mode {}?",
        called(home, question.key),
        question.action,
        question.topic,
        question.domain,
        utc_text(question.now_ns),
        home.policy.mode
    );
    render.line(Some(Tone::Strong), &head)?;
    let mut table = Table::default();
    for step in steps {
        table.row([step.outcome.as_str().to_owned(), step.rule.clone(), step.detail.clone()]);
    }
    table.lines(2).iter().try_for_each(|line| render.line(None, line))?;
    match &decision.answer {
        Ok(permit) => {
            let by = match &permit.unasked {
                Some(_) => format!("no role is needed in mode {}", home.policy.mode),
                None => format!("by {}", list(&permit.roles).join(", ")),
            };
            render.line(Some(Tone::Strong), &format!("permitted: {by}"))?;
            if let Some(refusal) = &permit.unasked {
                let why = format!("mode enforce would refuse it: {}: {}", refusal.reason, refusal.detail);
                render.line(None, &why)?;
            }
        }
        Err(refusal) => {
            render.line(
                Some(Tone::Warning),
                &format!("refused: {}: {}", refusal.reason, refusal.detail),
            )?;
            render.line(None, &format!("what to do: {}", refusal.reason.remedy()))?;
        }
    }
    if decision.holds_until_ns < i64::MAX {
        render.line(None, &format!("this holds until {}", utc_text(decision.holds_until_ns)))?;
    }
    Ok(())
}

fn checked<'a>(
    home: &TrustHome,
    question: &'a Question<'_>,
    decision: &Decision,
    steps: &'a [Step],
) -> TrustChecked<'a> {
    let refusal = match &decision.answer {
        Ok(permit) => permit.unasked.as_ref(),
        Err(refusal) => Some(refusal),
    };
    let permit = decision.answer.as_ref().ok();
    TrustChecked {
        key: question.key.to_string(),
        action: question.action.as_str(),
        topic: question.topic.as_str(),
        domain: question.domain.as_str(),
        mode: home.policy.mode.as_str(),
        at: utc_text(question.now_ns),
        found: if decision.answer.is_ok() { "permit" } else { "refuse" },
        reason: refusal.map(|refusal| refusal.reason.to_string()),
        detail: refusal.map(|refusal| refusal.detail.to_string()),
        roles: permit.map(|permit| list(&permit.roles)).unwrap_or_default(),
        limits: permit.map(|permit| permit.limits.in_words()),
        holds_until: (decision.holds_until_ns < i64::MAX).then(|| utc_text(decision.holds_until_ns)),
        steps: steps.iter().map(step).collect(),
    }
}

fn step(step: &Step) -> TrustStep<'_> {
    TrustStep {
        rule: &step.rule,
        outcome: step.outcome.as_str(),
        detail: &step.detail,
    }
}

/// The key by its name, if it has one.
fn called(home: &TrustHome, key: PublicKey) -> String {
    let name = match home.acquaintances.own() == Some(key) {
        true => Some(ME.to_owned()),
        false => home.acquaintances.nickname(key).map(|name| name.to_string()),
    };
    match name {
        Some(name) => format!("{name} ({})", short_key(&key)),
        None => key.to_string(),
    }
}
