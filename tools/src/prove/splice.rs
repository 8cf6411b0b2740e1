//! Genuine frames somewhere else: on another topic, as another type, in another domain, as another kind. The publisher
//! is known in each of these places and vouches for the same writer there, so that the signature alone can tell.

use nuncio::security::frame::Kind;
use nuncio::security::proving_ground::{Place, ProvingGround};
use nuncio::{Domain, Identity, TopicName, TrustPolicy, TypeHash};

use super::report::Report;
use super::specimen::{NOW_NS, Stage};
use super::{ProveError, Settings, failed};
use crate::cli::Attack;

/// Where the byte of the kind stands.
const KIND_AT: usize = 5;
/// Where the first bytes of the type hash stand.
const TYPE_HASH_AT: std::ops::Range<usize> = 72..80;

pub(super) fn run(settings: Settings) -> Result<Report, ProveError> {
    let mut report = Report::new(Attack::Splice);
    for _ in 0..settings.n {
        let stage = Stage::new(&Identity::generate().map_err(failed("making a key"))?)?;
        let elsewhere = other_places(&stage)?;
        let specimens = stage.specimens(1);
        for specimen in &specimens {
            for (place, ground) in &elsewhere {
                report.hostile(&ground.open(specimen.bytes.clone(), NOW_NS));
                // With the other type's hash in the header, so that the cheap check passes.
                let mut disguised = specimen.bytes.clone();
                if let Some(prefix) = disguised.get_mut(TYPE_HASH_AT) {
                    prefix.copy_from_slice(&place.type_hash.prefix());
                }
                if disguised != specimen.bytes {
                    report.hostile(&ground.open(disguised, NOW_NS));
                }
            }
            for kind in 1..=6 {
                let mut other = specimen.bytes.clone();
                if let Some(place) = other.get_mut(KIND_AT) {
                    *place = kind;
                }
                report.hostile(&stage.ground.open(other, NOW_NS));
            }
        }
        for kind in [Kind::Request, Kind::Response, Kind::Card, Kind::Attestation] {
            for bytes in stage.of_another_kind(kind) {
                report.hostile(&stage.ground.open(bytes, NOW_NS));
            }
        }
        for specimen in specimens {
            let outcome = stage.ground.open(specimen.bytes, NOW_NS);
            report.genuine(specimen.count, &outcome);
        }
    }
    Ok(report)
}

fn other_places(stage: &Stage) -> Result<Vec<(Place, ProvingGround)>, ProveError> {
    let here = &stage.place;
    let places = [
        Place {
            topic: TopicName::parse("/proving_ground_2").map_err(failed("naming a topic"))?,
            ..here.clone()
        },
        Place {
            domain: Domain::parse("elsewhere").map_err(failed("naming a domain"))?,
            ..here.clone()
        },
        // Another name for a type of the same content.
        Place {
            type_name: "nuncio_msgs/msg/OtherGround".to_owned(),
            ..here.clone()
        },
        Place {
            type_hash: TypeHash::from_bytes([0x4f; 32]),
            ..here.clone()
        },
        // A hash that agrees in the eight bytes that are sent.
        Place {
            type_hash: alike(&here.type_hash),
            ..here.clone()
        },
    ];
    let meet = |place: Place| {
        let (identity, policy) = (stage.identity.clone(), TrustPolicy::default());
        let ground = ProvingGround::with_writer(place.clone(), stage.ground.writer(), identity, policy);
        ground
            .map(|ground| (place, ground))
            .map_err(failed("meeting a publisher"))
    };
    places.into_iter().map(meet).collect()
}

fn alike(hash: &TypeHash) -> TypeHash {
    let mut bytes = *hash.as_bytes();
    let [.., last] = &mut bytes;
    *last ^= 1;
    TypeHash::from_bytes(bytes)
}
