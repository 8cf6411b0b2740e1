//! The operations that clients send: JSON objects with an `op`, read into one closed enum. Pure.
//!
//! Members that are not known are left alone, as the protocol demands; members that are needed and missing, or of another
//! kind, are errors that name them.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};

use super::fragments::Fragment;
use super::terms::{Compression, Terms};

/// How many characters of what a client sent an error repeats.
const SHOWN_CHARS: usize = 60;

/// The greatest throttle rate: a day.
const THROTTLE_RATE_MAX_MS: u64 = 24 * 60 * 60 * 1000;

/// What a client wants.
#[derive(Debug, PartialEq)]
pub(super) enum Op {
    Advertise {
        topic: String,
        type_name: String,
        id: Option<Value>,
        latch: bool,
        queue_size: Option<usize>,
    },
    Unadvertise {
        topic: String,
        id: Option<Value>,
    },
    Publish {
        topic: String,
        msg: Value,
        latch: bool,
    },
    Subscribe {
        topic: String,
        type_name: Option<String>,
        id: Option<Value>,
        terms: Terms,
    },
    Unsubscribe {
        topic: String,
        id: Option<Value>,
    },
    CallService {
        service: String,
        type_name: Option<String>,
        args: Value,
        reply: Reply,
        timeout: Option<Duration>,
    },
    ServiceResponse {
        id: Option<Value>,
        values: Value,
        is_success: bool,
    },
    AdvertiseService {
        service: String,
        type_name: String,
    },
    UnadvertiseService {
        service: String,
    },
    SendActionGoal {
        action: String,
        type_name: Option<String>,
        args: Value,
        wants_feedback: bool,
        reply: Reply,
    },
    CancelActionGoal {
        id: Option<Value>,
    },
    ActionFeedback {
        id: Option<Value>,
        values: Value,
    },
    ActionResult {
        id: Option<Value>,
        values: Value,
        status: Option<i64>,
        is_success: bool,
    },
    AdvertiseAction {
        action: String,
        type_name: String,
    },
    UnadvertiseAction {
        action: String,
    },
    Fragment(Fragment),
    Png {
        data: String,
    },
    SetLevel(Level),
    /// A client tells of its own state; nobody here is to be told.
    Status,
    Auth {
        token: String,
    },
}

/// How the answer to a call is wanted.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Reply {
    pub(super) id: Option<Value>,
    pub(super) compression: Compression,
    pub(super) fragment_size: Option<usize>,
}

/// How serious a status has to be for a client to be told of it.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Level {
    Info,
    Warning,
    /// What the protocol has where a client says nothing.
    #[default]
    Error,
    Nothing,
}

impl Level {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Nothing => "none",
        }
    }

    fn read(text: &str) -> Option<Self> {
        let all = [Self::Info, Self::Warning, Self::Error, Self::Nothing];
        all.into_iter().find(|level| level.as_str() == text)
    }
}

impl Op {
    /// Reads an operation; with it, or with what is wrong, comes the id that the client gave it.
    pub(super) fn read(message: Value) -> Result<Self, OpError> {
        let Value::Object(members) = message else {
            return Err(OpError {
                id: None,
                problem: format!("expected a JSON object with `op`, found {}", shown(&message)),
            });
        };
        let id = members.get("id").filter(|id| id.is_string() || id.is_number()).cloned();
        let mut members = Members(members);
        Self::read_members(&mut members, id.clone()).map_err(|problem| OpError { id, problem })
    }

    fn read_members(members: &mut Members, id: Option<Value>) -> Result<Self, String> {
        let op = members
            .text("op")
            .map_err(|problem| format!("{problem}; see the rosbridge protocol, version 2"))?;
        let read = match op.as_str() {
            "advertise" => Self::Advertise {
                topic: members.text("topic")?,
                type_name: members.text("type")?,
                id,
                latch: members.flag("latch", false)?,
                queue_size: members.count("queue_size")?,
            },
            "unadvertise" => Self::Unadvertise {
                topic: members.text("topic")?,
                id,
            },
            "publish" => Self::Publish {
                topic: members.text("topic")?,
                msg: members.take("msg").unwrap_or_else(|| Value::Object(Map::new())),
                latch: members.flag("latch", false)?,
            },
            "subscribe" => Self::Subscribe {
                topic: members.text("topic")?,
                type_name: members.optional_text("type")?,
                id,
                terms: members.terms()?,
            },
            "unsubscribe" => Self::Unsubscribe {
                topic: members.text("topic")?,
                id,
            },
            "call_service" => Self::CallService {
                service: members.text("service")?,
                type_name: members.optional_text("type")?,
                args: members.take("args").unwrap_or_default(),
                timeout: members.seconds("timeout")?,
                reply: members.reply(id)?,
            },
            "service_response" => Self::ServiceResponse {
                id,
                values: members.take("values").unwrap_or_default(),
                is_success: members.flag("result", true)?,
            },
            "advertise_service" => Self::AdvertiseService {
                service: members.text("service")?,
                type_name: members.text("type")?,
            },
            "unadvertise_service" => Self::UnadvertiseService {
                service: members.text("service")?,
            },
            _ => return Self::read_rarer(&op, members, id),
        };
        Ok(read)
    }

    fn read_rarer(op: &str, members: &mut Members, id: Option<Value>) -> Result<Self, String> {
        let read = match op {
            "send_action_goal" => Self::SendActionGoal {
                action: members.text("action")?,
                type_name: members.optional_text("action_type")?,
                args: members.take("args").unwrap_or_default(),
                wants_feedback: members.flag("feedback", false)?,
                reply: members.reply(id)?,
            },
            "cancel_action_goal" => Self::CancelActionGoal { id },
            "action_feedback" => Self::ActionFeedback {
                id,
                values: members.take("values").unwrap_or_default(),
            },
            "action_result" => Self::ActionResult {
                id,
                values: members.take("values").unwrap_or_default(),
                status: members.0.get("status").and_then(Value::as_i64),
                is_success: members.flag("result", true)?,
            },
            "advertise_action" => Self::AdvertiseAction {
                action: members.text("action")?,
                type_name: members.text("type")?,
            },
            "unadvertise_action" => Self::UnadvertiseAction {
                action: members.text("action")?,
            },
            "fragment" => Self::Fragment(Fragment {
                id: id.ok_or("expected `id`, a text that all fragments of a message share, found none")?.to_string(),
                data: members.text("data")?,
                num: members.count("num")?.ok_or("expected `num`, the fragment's number, found none")?,
                total: members.count("total")?.ok_or("expected `total`, how many fragments there are, found none")?,
            }),
            "png" => Self::Png {
                data: members.text("data")?,
            },
            "set_level" => {
                let level = members.text("level")?;
                let known = Level::read(&level);
                Self::SetLevel(known.ok_or_else(|| {
                    format!("expected the `level` info, warning, error or none, found {:?}", cut(&level))
                })?)
            }
            "status" => Self::Status,
            "auth" => Self::Auth {
                token: members.text("token").map_err(|problem| {
                    format!("{problem}; `mac` and what belongs to it are not used here, a token is: {{\"op\":\"auth\",\"token\":\"…\"}}")
                })?,
            },
            other => return Err(format!("there is no operation {:?} in the rosbridge protocol, version 2", cut(other))),
        };
        Ok(read)
    }
}

/// The members of an operation that were not taken yet.
struct Members(Map<String, Value>);

impl Members {
    fn take(&mut self, name: &str) -> Option<Value> {
        self.0.get_mut(name).map(Value::take)
    }

    fn text(&mut self, name: &str) -> Result<String, String> {
        self.optional_text(name)?
            .ok_or_else(|| format!("expected `{name}`, a text, found none"))
    }

    fn optional_text(&mut self, name: &str) -> Result<Option<String>, String> {
        match self.take(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(format!("expected `{name}` to be a text, found {}", shown(&other))),
        }
    }

    fn flag(&mut self, name: &str, otherwise: bool) -> Result<bool, String> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(otherwise),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(Value::Number(number)) => Ok(number.as_f64() != Some(0.0)),
            Some(other) => Err(format!("expected `{name}` to be true or false, found {}", shown(other))),
        }
    }

    /// A number that is not negative, and a whole one; clients that mean none say 0, a negative one, or nothing.
    fn count(&mut self, name: &str) -> Result<Option<usize>, String> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(number)) => Ok(Some(number.as_f64().map_or(0, |number| number.max(0.0) as usize))),
            Some(other) => Err(format!("expected `{name}` to be a number, found {}", shown(other))),
        }
    }

    fn seconds(&mut self, name: &str) -> Result<Option<Duration>, String> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(number)) => Ok(number
                .as_f64()
                .filter(|seconds| *seconds > 0.0)
                .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())),
            Some(other) => Err(format!("expected `{name}` in seconds, found {}", shown(other))),
        }
    }

    fn compression(&mut self) -> Result<Compression, String> {
        let Some(text) = self.optional_text("compression")? else {
            return Ok(Compression::None);
        };
        Compression::read(&text).ok_or_else(|| {
            format!(
                "expected the `compression` none, png, cbor or cbor-raw, found {:?}",
                cut(&text)
            )
        })
    }

    fn fragment_size(&mut self) -> Result<Option<usize>, String> {
        Ok(self.count("fragment_size")?.filter(|size| *size > 0))
    }

    fn terms(&mut self) -> Result<Terms, String> {
        let throttle_rate_ms = self.count("throttle_rate")?.unwrap_or(0) as u64;
        Ok(Terms {
            throttle_rate: Duration::from_millis(throttle_rate_ms.min(THROTTLE_RATE_MAX_MS)),
            queue_length: self.count("queue_length")?.unwrap_or(0),
            fragment_size: self.fragment_size()?,
            compression: self.compression()?,
            signed_by: self.flag("signed_by", false)?,
        })
    }

    fn reply(&mut self, id: Option<Value>) -> Result<Reply, String> {
        Ok(Reply {
            id,
            compression: self.compression()?,
            fragment_size: self.fragment_size()?,
        })
    }
}

/// A JSON value in a word.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the text {:?}", cut(text)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

/// The start of a text that a client sent.
pub(super) fn cut(text: &str) -> String {
    text.chars().take(SHOWN_CHARS).collect()
}

/// Why a message is no operation.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct OpError {
    /// The id that the client gave it.
    pub(super) id: Option<Value>,
    problem: String,
}

impl fmt::Display for OpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}

impl std::error::Error for OpError {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

    use serde_json::json;

    use super::*;

    fn problem(message: Value) -> String {
        Op::read(message).unwrap_err().to_string()
    }

    #[test]
    fn what_the_client_libraries_send_is_read() {
        // As captured from roslibpy.
        let subscribe = json!({"op": "subscribe", "id": "subscribe:/chatter:1", "type": "std_msgs/msg/String",
            "topic": "/chatter", "compression": "none", "throttle_rate": 100, "queue_length": 3});
        let terms = Terms {
            throttle_rate: Duration::from_millis(100),
            queue_length: 3,
            ..Terms::default()
        };
        assert_eq!(
            Op::read(subscribe),
            Ok(Op::Subscribe {
                topic: "/chatter".to_owned(),
                type_name: Some("std_msgs/msg/String".to_owned()),
                id: Some(json!("subscribe:/chatter:1")),
                terms,
            })
        );
        let advertise = json!({"op": "advertise", "id": "a", "type": "std_msgs/msg/String", "topic": "/out", "latch": true,
            "queue_size": 100});
        let read = Op::read(advertise).unwrap();
        assert!(
            matches!(
                read,
                Op::Advertise {
                    latch: true,
                    queue_size: Some(100),
                    ..
                }
            ),
            "{read:?}"
        );
        let failed = json!({"op": "service_response", "service": "/s", "result": false, "id": "7"});
        let read = Op::read(failed).unwrap();
        assert!(
            matches!(
                read,
                Op::ServiceResponse {
                    is_success: false,
                    values: Value::Null,
                    ..
                }
            ),
            "{read:?}"
        );
    }

    #[test]
    fn what_is_missing_or_of_another_kind_is_named() {
        assert!(problem(json!([1])).contains("found a list"));
        assert!(problem(json!({"topic": "/a"})).contains("`op`"));
        assert!(problem(json!({"op": "fly"})).contains("\"fly\""));
        assert!(problem(json!({"op": "subscribe"})).contains("`topic`"));
        assert!(problem(json!({"op": "subscribe", "topic": 5})).contains("the number 5"));
        assert!(problem(json!({"op": "subscribe", "topic": "/a", "compression": "zip"})).contains("cbor-raw"));
        assert!(problem(json!({"op": "fragment", "data": "", "num": 0, "total": 1})).contains("`id`"));
        assert!(problem(json!({"op": "set_level", "level": "loud"})).contains("warning"));
        let error = Op::read(json!({"op": "publish", "id": "p1"})).unwrap_err();
        assert_eq!(error.id, Some(json!("p1")), "the client is told which one it was");
    }

    #[test]
    fn numbers_are_taken_as_clients_mean_them() {
        let read = |rate: Value| match Op::read(
            json!({"op": "subscribe", "topic": "/a", "throttle_rate": rate, "fragment_size": 0}),
        ) {
            Ok(Op::Subscribe { terms, .. }) => terms,
            other => panic!("{other:?}"),
        };
        assert_eq!(read(json!(-5)).throttle_rate, Duration::ZERO);
        assert_eq!(read(json!(12.9)).throttle_rate, Duration::from_millis(12));
        assert_eq!(read(json!(1e300)).fragment_size, None);
        let call = json!({"op": "call_service", "service": "/s", "timeout": -1});
        assert!(matches!(Op::read(call), Ok(Op::CallService { timeout: None, .. })));
    }
}
