//! `topic delay`: how old messages are when they arrive; a line per second.

use super::topic_hz::{Measuring, Report};
use super::{CommandError, Outcome};
use crate::answers::topic as answers;
use crate::cli::TopicDelay;
use crate::render::{OutputError, Render, span};
use crate::session::Session;

pub(super) async fn run(session: &mut Session<'_>, args: TopicDelay) -> Result<Outcome, CommandError> {
    let measuring = Measuring {
        topic: &args.topic,
        window: args.window,
        duration: args.duration,
        filter: &args.filter,
        qos: &args.qos,
        reads_stamps: true,
        report,
    };
    measuring.run(session).await
}

fn report(render: &Render, report: &Report<'_>) -> Result<(), OutputError> {
    let arrivals = report.arrivals;
    let Some(delay) = arrivals.delay() else {
        return Ok(());
    };
    let since = match delay.is_since_header {
        Some(true) => "header.stamp",
        Some(false) => "source time",
        None => "header.stamp or source time",
    };
    if render.is_json() {
        return render.answer(&answers::TopicDelay {
            topic: report.topic,
            mean_s: delay.mean,
            min_s: delay.min,
            max_s: delay.max,
            std_dev_s: delay.std_dev,
            since,
            window: arrivals.window(),
            messages: arrivals.total(),
            missing: arrivals.missing(),
            is_final: report.is_final,
        });
    }
    report.close(render)?;
    let in_seconds = |seconds: f64| span((seconds * 1e9) as i64);
    let signed = match delay.is_since_header {
        Some(true) => "",
        _ => " (signed; no header.stamp was read)",
    };
    let text = format!(
        "average delay: {}  min: {}  max: {}  std dev: {}  window: {}  since {since}{signed}",
        in_seconds(delay.mean),
        in_seconds(delay.min),
        in_seconds(delay.max),
        in_seconds(delay.std_dev),
        arrivals.window(),
    );
    render.line(None, &text)
}
