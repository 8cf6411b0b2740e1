//! Specimens: genuine frames of every shape that the format has.

use std::convert::Infallible;

use nuncio::security::frame::{FrameWriter, Header, Kind, MessageId, UnsignedFrame};
use nuncio::security::proving_ground::{Place, ProvingGround};
use nuncio::security::signer;
use nuncio::{Accompaniment, Identity, TrustPolicy};

use super::{ProveError, failed};

/// The time on every clock of the proving ground.
pub(super) const NOW_NS: i64 = 1_700_000_000_000_000_000;

/// How many numbers one set of specimens takes.
pub(super) const NUMBERS: u64 = 32;

/// A genuine frame.
#[derive(Clone, Debug)]
pub(super) struct Specimen {
    pub(super) bytes: Vec<u8>,
    /// How many messages are in it.
    pub(super) count: u16,
}

/// A subscription that has met one publisher, and the publisher's key.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) identity: Identity,
    pub(super) place: Place,
    pub(super) ground: ProvingGround,
}

impl Stage {
    /// A new subscription to the publisher with this key.
    pub(super) fn new(identity: &Identity) -> Result<Self, ProveError> {
        let place = Place::new("/proving_ground").map_err(failed("naming a topic"))?;
        let ground = ProvingGround::at(place.clone(), identity.clone(), TrustPolicy::default())
            .map_err(failed("meeting a publisher"))?;
        Ok(Self {
            identity: identity.clone(),
            place,
            ground,
        })
    }

    /// One of each shape, with the numbers from `first` on, [`NUMBERS`] at most.
    pub(super) fn specimens(&self, first: u64) -> Vec<Specimen> {
        let plain = Accompaniment::default();
        let told = Accompaniment {
            cause: Some(MessageId([0x5a; 16])),
            origin: Some("operator"),
        };
        let context = self.place.context(Kind::Message);
        let alone = |frame| signer::seal(&self.identity, frame, &context);
        let ten = vec![b"one of ten".as_slice(); 10];
        let mut specimens = vec![
            (
                alone(self.unsigned(first, &[b"a command, alone in its frame"], plain)),
                1,
            ),
            (alone(self.unsigned(first + 1, &[b""], plain)), 1),
            (alone(self.unsigned(first + 2, &ten, plain)), 10),
            (
                alone(self.unsigned(first + 12, &[b"caused", b"and on behalf of somebody"], told)),
                2,
            ),
            (alone(self.unsigned(first + 14, &[&[0x7f; 300]], plain)), 1),
        ];
        // Five leaves: paths of three hashes and, for the last, of one.
        let leaves = (0..5).map(|leaf| (self.unsigned(first + 15 + leaf, &[b"a leaf of a tree"], plain), context));
        let tree = signer::seal_together(&self.identity, leaves.collect());
        specimens.extend(tree.into_iter().map(|bytes| (bytes, 1)));
        specimens
            .into_iter()
            .map(|(bytes, count)| Specimen { bytes, count })
            .collect()
    }

    /// Frames that the publisher did sign, as another kind in the same place: as they are, and with the kind turned back
    /// to that of messages.
    pub(super) fn of_another_kind(&self, kind: Kind) -> [Vec<u8>; 2] {
        let header = Header {
            kind,
            ..self.ground.header(NUMBERS + 1, NOW_NS)
        };
        let signed = signer::seal(
            &self.identity,
            unsigned(&header, &[b"signed as something else"], Accompaniment::default()),
            &self.place.context(kind),
        );
        let mut disguised = signed.clone();
        if let Some(byte) = disguised.get_mut(5) {
            *byte = Kind::Message as u8;
        }
        [signed, disguised]
    }

    fn unsigned(&self, number: u64, payloads: &[&[u8]], with: Accompaniment<'_>) -> UnsignedFrame {
        unsigned(&self.ground.header(number, NOW_NS), payloads, with)
    }
}

fn unsigned(header: &Header, payloads: &[&[u8]], with: Accompaniment<'_>) -> UnsignedFrame {
    let mut frame = FrameWriter::new(Vec::new(), header, with);
    for (at, payload) in (0_i64..).zip(payloads) {
        let pushed = frame.push(NOW_NS + 1000 * at, with, |bytes| {
            bytes.extend_from_slice(payload);
            Ok::<(), Infallible>(())
        });
        debug_assert!(pushed.is_ok(), "all messages of a specimen are alike");
    }
    frame.finish()
}

#[cfg(test)]
mod tests {
    use nuncio::security::proving_ground::Outcome;

    use super::*;

    #[test]
    fn every_specimen_is_delivered_whole() {
        let stage = Stage::new(&Identity::from_seed(&[1; 32])).unwrap();
        let mut numbers = 0;
        for specimen in stage.specimens(1) {
            numbers += u64::from(specimen.count);
            assert_eq!(
                stage.ground.open(specimen.bytes, NOW_NS),
                Outcome::Delivered(specimen.count)
            );
        }
        assert!(numbers <= NUMBERS, "{numbers}");
    }
}
