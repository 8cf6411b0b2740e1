//! Every bit of genuine frames, turned over one at a time: before the frame was delivered, and again afterwards, when
//! its numbers and the root of its tree are known.

use nuncio::Identity;

use super::report::Report;
use super::specimen::{NOW_NS, Stage};
use super::{ProveError, Settings, failed};
use crate::cli::Attack;

pub(super) fn run(settings: Settings) -> Result<Report, ProveError> {
    let mut report = Report::new(Attack::Bitflip);
    for _ in 0..settings.n {
        let identity = Identity::generate().map_err(failed("making a key"))?;
        let stage = Stage::new(&identity)?;
        let specimens = stage.specimens(1);
        report.measure("frames", specimens.len());
        for specimen in &specimens {
            flip_each_bit(&stage, &specimen.bytes, &mut report);
            let outcome = stage.ground.open(specimen.bytes.clone(), NOW_NS);
            report.genuine(specimen.count, &outcome);
            flip_each_bit(&stage, &specimen.bytes, &mut report);
        }
    }
    Ok(report)
}

fn flip_each_bit(stage: &Stage, genuine: &[u8], report: &mut Report) {
    for bit in 0..genuine.len() * 8 {
        let mut bytes = genuine.to_vec();
        if let Some(byte) = bytes.get_mut(bit / 8) {
            *byte ^= 1 << (bit % 8);
        }
        report.hostile(&stage.ground.open(bytes, NOW_NS));
    }
}
