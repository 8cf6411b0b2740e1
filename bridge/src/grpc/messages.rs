//! Messages and what is known of them, from the border's words to those of the .proto file and back. Pure.

use std::time::Duration;

use bytes::Bytes;
use nuncio::{ApprovalState, MessageInfo, Provenance, Verdict};
use serde_json::Value;
use tonic::Status;

use super::wire;
use crate::border_error::BorderError;
use crate::bridge_type::{Body, BridgeType};

/// The message of a request.
#[derive(Debug)]
pub(super) enum Given {
    Json(Value),
    Protobuf(Bytes),
    Cdr(Bytes),
}

impl Given {
    /// Takes what the request has.
    pub(super) fn read(payload: Option<wire::Payload>) -> Result<Self, Status> {
        match payload.and_then(|payload| payload.form) {
            Some(wire::payload::Form::Json(text)) => match serde_json::from_str(&text) {
                Ok(json) => Ok(Self::Json(json)),
                Err(error) => Err(Status::invalid_argument(format!("the payload is no JSON: {error}"))),
            },
            Some(wire::payload::Form::Protobuf(bytes)) => Ok(Self::Protobuf(bytes)),
            Some(wire::payload::Form::Cdr(bytes)) => Ok(Self::Cdr(bytes)),
            None => Err(Status::invalid_argument(
                "there is no payload; give one as `json`, `protobuf` or `cdr`",
            )),
        }
    }

    pub(super) fn body(&self) -> Body<'_> {
        match self {
            Self::Json(json) => Body::Json(json),
            Self::Protobuf(bytes) => Body::Protobuf(bytes),
            Self::Cdr(bytes) => Body::Cdr(bytes),
        }
    }

    /// The encoding in which a response is wanted.
    pub(super) fn encoding(&self) -> wire::Encoding {
        match self {
            Self::Json(_) => wire::Encoding::Json,
            Self::Protobuf(_) => wire::Encoding::Protobuf,
            Self::Cdr(_) => wire::Encoding::Cdr,
        }
    }
}

/// The encoding that a request asks for: JSON where it names none.
pub(super) fn encoding_of(number: i32) -> Result<wire::Encoding, Status> {
    match wire::Encoding::try_from(number) {
        Ok(wire::Encoding::Unspecified) => Ok(wire::Encoding::Json),
        Ok(named) => Ok(named),
        Err(_) => Err(Status::invalid_argument(format!(
            "there is no encoding {number}; there are 1 (JSON), 2 (protobuf) and 3 (CDR)"
        ))),
    }
}

/// A payload in the encoding that is asked for.
pub(super) fn payload(
    encoding: wire::Encoding,
    json: impl FnOnce() -> Result<String, BorderError>,
    protobuf: impl FnOnce() -> Result<Bytes, BorderError>,
    cdr: impl FnOnce() -> Result<Bytes, BorderError>,
) -> Result<wire::Payload, BorderError> {
    let form = match encoding {
        wire::Encoding::Unspecified | wire::Encoding::Json => wire::payload::Form::Json(json()?),
        wire::Encoding::Protobuf => wire::payload::Form::Protobuf(protobuf()?),
        wire::Encoding::Cdr => wire::payload::Form::Cdr(cdr()?),
    };
    Ok(wire::Payload { form: Some(form) })
}

pub(super) fn type_id(ty: &BridgeType) -> wire::TypeId {
    wire::TypeId {
        name: ty.name().to_owned(),
        hash: ty.hash().to_string(),
    }
}

/// What is known of a message. Its id is computed where it is wanted.
pub(super) fn info(info: &MessageInfo, with_id: bool) -> wire::Info {
    let verdict = match info.verdict {
        Verdict::Pinned => wire::Verdict::Pinned,
        Verdict::Unpinned => wire::Verdict::Unpinned,
        Verdict::PinMismatch => wire::Verdict::PinMismatch,
        Verdict::Permitted => wire::Verdict::Permitted,
        Verdict::NotPermitted => wire::Verdict::NotPermitted,
        _ => wire::Verdict::Unspecified,
    };
    let provenance = match info.provenance {
        Provenance::Live => wire::Provenance::Live,
        Provenance::History => wire::Provenance::History,
        Provenance::Replay => wire::Provenance::Replay,
        _ => wire::Provenance::Unspecified,
    };
    let approval = match info.approval {
        ApprovalState::NotAsked => wire::Approval::Unspecified,
        ApprovalState::By(_) => wire::Approval::Given,
        // What is not known to be approved is not.
        _ => wire::Approval::Pending,
    };
    wire::Info {
        signer: info.signer.to_string(),
        node: info.node.as_str().to_owned(),
        verdict: verdict.into(),
        number: info.number,
        source_time: Some(timestamp(info.source_time_ns)),
        received_time: Some(timestamp(info.received_time_ns)),
        provenance: provenance.into(),
        origin: info.origin.clone().unwrap_or_default(),
        cause: info.cause.map(|cause| cause.to_string()).unwrap_or_default(),
        missing_before: info.missing_before,
        approval: approval.into(),
        id: if with_id { info.id().to_string() } else { String::new() },
    }
}

fn timestamp(ns: i64) -> prost_types::Timestamp {
    const NS: i64 = 1_000_000_000;
    prost_types::Timestamp {
        seconds: ns.div_euclid(NS),
        // Less than a second.
        nanos: ns.rem_euclid(NS) as i32,
    }
}

/// A duration of a request, or what counts where there is none.
pub(super) fn duration(given: Option<prost_types::Duration>, otherwise: Duration) -> Result<Duration, Status> {
    let Some(given) = given else { return Ok(otherwise) };
    Duration::try_from(given)
        .map_err(|_| Status::invalid_argument(format!("{}.{:09} s is no time to wait", given.seconds, given.nanos)))
}

/// A time span for the .proto file's messages.
pub(super) fn span(seconds: f64) -> prost_types::Duration {
    prost_types::Duration::try_from(Duration::try_from_secs_f64(seconds).unwrap_or_default()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_1970_are_times_too() {
        let timestamp = timestamp(-1);
        assert_eq!((timestamp.seconds, timestamp.nanos), (-1, 999_999_999));
    }

    #[test]
    fn a_negative_duration_is_refused_and_none_is_what_counts_otherwise() {
        let otherwise = Duration::from_secs(5);
        assert_eq!(duration(None, otherwise).expect("none"), otherwise);
        let negative = prost_types::Duration { seconds: -1, nanos: 0 };
        let refused = duration(Some(negative), otherwise).expect_err("negative");
        assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    }
}
