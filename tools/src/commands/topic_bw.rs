//! `topic bw`: how many bytes arrive, as payload and as what travelled; a line per second.

use super::topic_hz::{Measuring, Report};
use super::{CommandError, Outcome};
use crate::answers::topic::TopicBandwidth;
use crate::cli::TopicBw;
use crate::render::{OutputError, Render, bytes, bytes_per_second};
use crate::session::Session;

pub(super) async fn run(session: &mut Session<'_>, args: TopicBw) -> Result<Outcome, CommandError> {
    let measuring = Measuring {
        topic: &args.topic,
        window: args.window,
        duration: args.duration,
        filter: &args.filter,
        qos: &args.qos,
        reads_stamps: false,
        report,
    };
    measuring.run(session).await
}

fn report(render: &Render, report: &Report<'_>) -> Result<(), OutputError> {
    let arrivals = report.arrivals;
    let Some(volume) = arrivals.volume(report.now_ns) else {
        return Ok(());
    };
    if render.is_json() {
        return render.answer(&TopicBandwidth {
            topic: report.topic,
            bytes_per_second: volume.payload_rate,
            wire_bytes_per_second: volume.wire_rate,
            mean_bytes: volume.mean,
            min_bytes: volume.min,
            max_bytes: volume.max,
            window: arrivals.window(),
            messages: arrivals.total(),
            missing: arrivals.missing(),
            is_final: report.is_final,
        });
    }
    report.close(render)?;
    let text = format!(
        "{} of payload, {} with headers and signatures  message mean: {}  min: {}  max: {}  window: {}",
        bytes_per_second(volume.payload_rate),
        bytes_per_second(volume.wire_rate),
        bytes(volume.mean),
        bytes(volume.min as f64),
        bytes(volume.max as f64),
        arrivals.window(),
    );
    render.line(None, &text)
}
