//! Forgeries: what somebody with access to the network makes of the frames that pass, without the robot's key.
//!
//! Each kind of attack is made such that topic and outcome together tell it from the others. So what the operator
//! counts shows how each kind ended.

use std::fmt;

use nuncio::msgs::nuncio_msgs::msg::{Heartbeat, MotionCommand};
use nuncio::security::context::Context;
use nuncio::security::frame::{FrameWriter, HEADER_LEN, Header, Kind, Layout, Writer};
use nuncio::security::signer;
use nuncio::{Accompaniment, Domain, Identity, Message, Reason, TypeHash};

use super::topic::{FORGED, Topic};

/// One kind of attack.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Attack {
    /// A command that names the robot's key and is signed with another.
    ForgedSignature,
    /// A genuine answer with another text.
    AlteredAnswer,
    /// A genuine command for the first robot, sent to the second.
    RedirectedCommand,
    /// A genuine answer, sent where commands are expected.
    OtherType,
    /// A genuine command, sent again.
    Repeated,
    /// A genuine command that the robot gave before it was started again.
    EarlierRun,
    /// A genuine heartbeat with the flag of a recording.
    MarkedAsRecording,
    /// A genuine command without its end.
    CutShort,
    /// A genuine command under another version of the format.
    OtherVersion,
    /// A command as plain JSON.
    Unsigned,
    /// A heartbeat signed with a key that no node has.
    Stranger,
    /// A command of a node in good standing which is not the one that commands here.
    Intruder,
    /// A heartbeat of a node that has the robot's name and another key.
    Impostor,
}

/// How an attack ends.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Fate {
    /// Refused for a reason.
    Refused(Reason),
    /// Dropped, because it was delivered before.
    Duplicate,
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(reason) => f.pad(&reason.to_string()),
            Self::Duplicate => f.pad("Duplicate"),
        }
    }
}

impl Attack {
    /// All kinds.
    pub(super) const ALL: [Self; 13] = [
        Self::ForgedSignature,
        Self::AlteredAnswer,
        Self::RedirectedCommand,
        Self::OtherType,
        Self::Repeated,
        Self::EarlierRun,
        Self::MarkedAsRecording,
        Self::CutShort,
        Self::OtherVersion,
        Self::Unsigned,
        Self::Stranger,
        Self::Intruder,
        Self::Impostor,
    ];

    /// What it is, in a few words.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::ForgedSignature => "robot's name, other key",
            Self::AlteredAnswer => "answer altered on the way",
            Self::RedirectedCommand => "sent on to another robot",
            Self::OtherType => "sent on to another topic",
            Self::Repeated => "recorded and sent again",
            Self::EarlierRun => "from before a restart",
            Self::MarkedAsRecording => "played as a recording",
            Self::CutShort => "cut short",
            Self::OtherVersion => "another format version",
            Self::Unsigned => "unsigned JSON",
            Self::Stranger => "key that nobody knows",
            Self::Intruder => "intruder's own command",
            Self::Impostor => "impostor under same name",
        }
    }

    /// Where it is tried.
    pub(super) const fn topic(self) -> Topic {
        match self {
            Self::AlteredAnswer => Topic::Answers,
            Self::RedirectedCommand => Topic::OtherCommands,
            Self::MarkedAsRecording | Self::Stranger | Self::Impostor => Topic::Heartbeat,
            Self::ForgedSignature
            | Self::OtherType
            | Self::Repeated
            | Self::EarlierRun
            | Self::CutShort
            | Self::OtherVersion
            | Self::Unsigned
            | Self::Intruder => Topic::Commands,
        }
    }

    /// How it has to end.
    pub(super) const fn fate(self) -> Fate {
        Fate::Refused(match self {
            Self::Repeated => return Fate::Duplicate,
            Self::ForgedSignature | Self::AlteredAnswer | Self::RedirectedCommand => Reason::BadSignature,
            Self::OtherType => Reason::TypeMismatch,
            Self::EarlierRun => Reason::StaleEpoch,
            Self::MarkedAsRecording => Reason::ReplayNotAllowed,
            Self::CutShort => Reason::Malformed,
            Self::OtherVersion => Reason::UnsupportedVersion,
            Self::Unsigned => Reason::NotAFrame,
            Self::Stranger => Reason::UnknownKey,
            Self::Intruder | Self::Impostor => Reason::PinMismatch,
        })
    }
}

/// The latest genuine frames that passed.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// Of [`Topic::Commands`].
    pub(super) command: Vec<u8>,
    /// Of [`Topic::Heartbeat`].
    pub(super) heartbeat: Vec<u8>,
    /// Of [`Topic::Answers`].
    pub(super) answer: Vec<u8>,
    /// Of [`Topic::Commands`], from before the restart.
    pub(super) earlier: Vec<u8>,
}

/// The bytes of one attack; `None` for those that a node of the attacker's publishes, and when too little was seen.
pub(super) fn bytes(attack: Attack, seen: &Seen, domain: &Domain, attacker: &Identity) -> Option<Vec<u8>> {
    match attack {
        Attack::ForgedSignature => forged_command(&seen.command, domain, attacker),
        Attack::AlteredAnswer => altered(&seen.answer, Topic::Answers),
        Attack::RedirectedCommand | Attack::Repeated => Some(seen.command.clone()),
        Attack::OtherType => Some(seen.answer.clone()),
        Attack::EarlierRun => Some(seen.earlier.clone()),
        Attack::MarkedAsRecording => with_byte(&seen.heartbeat, 4, |flags| flags | 1),
        Attack::CutShort => seen.command.split_last_chunk::<32>().map(|(kept, _)| kept.to_vec()),
        Attack::OtherVersion => with_byte(&seen.command, 2, |version| version + 1),
        Attack::Unsigned => Some(format!(r#"{{"frame_id":"{FORGED}","mode":1,"linear_x":9.0}}"#).into_bytes()),
        Attack::Stranger => strangers_heartbeat(&seen.heartbeat, domain, attacker),
        Attack::Intruder | Attack::Impostor => None,
    }
}

/// A frame as short as a frame can be, of a version that nobody reads: refused, with the version in the explanation.
pub(super) fn knock(version: u8) -> Vec<u8> {
    let mut bytes = vec![0; nuncio::security::frame::FRAME_LEN_MIN];
    let head = nuncio::security::frame::MAGIC.into_iter().chain([version]);
    bytes.iter_mut().zip(head).for_each(|(place, byte)| *place = byte);
    bytes
}

/// Whether somebody altered this frame as [`altered`] does.
pub(super) fn is_marked_forged(frame: &[u8]) -> bool {
    position(frame, FORGED.as_bytes()).is_some()
}

/// The frame with another mark and the old signature.
fn altered(frame: &[u8], topic: Topic) -> Option<Vec<u8>> {
    let at = position(frame, topic.mark().as_bytes())?;
    let mut bytes = frame.to_vec();
    bytes
        .get_mut(at..)?
        .get_mut(..FORGED.len())?
        .copy_from_slice(FORGED.as_bytes());
    Some(bytes)
}

fn position(frame: &[u8], mark: &[u8]) -> Option<usize> {
    let messages = frame.get(HEADER_LEN..)?;
    let found = messages.windows(mark.len()).position(|window| window == mark)?;
    Some(found + HEADER_LEN)
}

fn with_byte(frame: &[u8], at: usize, change: impl FnOnce(u8) -> u8) -> Option<Vec<u8>> {
    let mut bytes = frame.to_vec();
    let place = bytes.get_mut(at)?;
    *place = change(*place);
    Some(bytes)
}

/// A command that says of itself that it is the robot's next but some, signed by the attacker.
fn forged_command(genuine: &[u8], domain: &Domain, attacker: &Identity) -> Option<Vec<u8>> {
    let mut header = Layout::parse(genuine).ok()?.header;
    header.first_number = header.first_number.checked_add(1000)?;
    resigned::<MotionCommand>(genuine, Topic::Commands, &header, domain, attacker)
}

/// A heartbeat under the attacker's bare key, of which there is no node and no card.
fn strangers_heartbeat(genuine: &[u8], domain: &Domain, attacker: &Identity) -> Option<Vec<u8>> {
    let mut header = Layout::parse(genuine).ok()?.header;
    header.key = attacker.public_key();
    header.writer = Writer::derive("/stranger", Topic::Heartbeat.name(), 0);
    resigned::<Heartbeat>(genuine, Topic::Heartbeat, &header, domain, attacker)
}

/// The first message of a frame with another header and mark, signed by somebody else and right in every other way.
fn resigned<M: Message>(
    genuine: &[u8],
    topic: Topic,
    header: &Header,
    domain: &Domain,
    signer: &Identity,
) -> Option<Vec<u8>> {
    let altered = altered(genuine, topic)?;
    let message = Layout::parse(&altered).ok()?.messages(&altered).next()?;
    let payload = altered.get(message.payload)?;
    let with = Accompaniment {
        cause: message.cause,
        origin: None,
    };
    let mut frame = FrameWriter::new(Vec::new(), header, with);
    let pushed = frame.push(header.first_time_ns, with, |bytes| {
        bytes.extend_from_slice(payload);
        Ok::<(), std::convert::Infallible>(())
    });
    pushed.ok()?;
    let hash: &TypeHash = &M::TYPE_HASH;
    let context = Context::new(domain, topic.name(), M::TYPE_NAME, hash, Kind::Message, &[]);
    Some(signer::seal(signer, frame.finish(), &context))
}

#[cfg(test)]
mod tests {
    use nuncio::security::frame::LayoutError;

    use super::super::topic::ROBOT_1;
    use super::*;

    /// A frame with the first robot's mark as its payload.
    fn frame() -> Vec<u8> {
        let identity = Identity::from_seed(&[1; 32]);
        let header = Header {
            kind: Kind::Message,
            replay: false,
            key: identity.public_key(),
            writer: Writer(1),
            epoch: 2,
            first_number: 3,
            first_time_ns: 4,
            type_hash_prefix: MotionCommand::TYPE_HASH.prefix(),
        };
        let mut frame = FrameWriter::new(Vec::new(), &header, Accompaniment::default());
        let payload = format!("{ROBOT_1} and what else a command says, which is some more than that");
        let pushed = frame.push(4, Accompaniment::default(), |bytes| {
            bytes.extend_from_slice(payload.as_bytes());
            Ok::<(), ()>(())
        });
        pushed.unwrap();
        let context = Context::new(
            &Domain::default(),
            "/t",
            "p/msg/T",
            &MotionCommand::TYPE_HASH,
            Kind::Message,
            &[],
        );
        signer::seal(&identity, frame.finish(), &context)
    }

    fn seen() -> Seen {
        Seen {
            command: frame(),
            heartbeat: frame(),
            answer: frame(),
            earlier: frame(),
        }
    }

    #[test]
    fn topic_and_fate_tell_every_attack_from_the_others() {
        for (index, attack) in Attack::ALL.into_iter().enumerate() {
            let place = (attack.topic(), attack.fate());
            let same = Attack::ALL
                .into_iter()
                .filter(|other| (other.topic(), other.fate()) == place);
            assert_eq!(same.count(), 1, "{attack:?}");
            assert_eq!(attack as usize, index, "the list is in the order of the kinds");
        }
    }

    #[test]
    fn every_attack_on_bytes_is_other_than_what_was_seen_or_genuine() {
        let attacker = Identity::from_seed(&[66; 32]);
        for attack in Attack::ALL {
            let forged = bytes(attack, &seen(), &Domain::default(), &attacker);
            let as_seen = forged.as_deref() == Some(frame().as_slice());
            match attack {
                Attack::Intruder | Attack::Impostor => assert_eq!(forged, None),
                Attack::RedirectedCommand | Attack::Repeated | Attack::OtherType | Attack::EarlierRun => {
                    assert!(as_seen, "{attack:?}");
                }
                _ => assert!(forged.is_some() && !as_seen, "{attack:?}"),
            }
        }
    }

    #[test]
    fn nothing_is_made_of_nothing() {
        let attacker = Identity::from_seed(&[66; 32]);
        for attack in [
            Attack::ForgedSignature,
            Attack::AlteredAnswer,
            Attack::CutShort,
            Attack::Stranger,
        ] {
            assert_eq!(
                bytes(attack, &Seen::default(), &Domain::default(), &attacker),
                None,
                "{attack:?}"
            );
        }
    }

    #[test]
    fn a_knock_is_refused_for_its_version_alone() {
        let error = Layout::parse(&knock(77)).unwrap_err();
        assert_eq!(error, LayoutError::UnsupportedVersion(77));
    }

    #[test]
    fn an_altered_frame_can_be_told_from_a_genuine_one() {
        let altered = altered(&frame(), Topic::Commands).unwrap();
        assert!(is_marked_forged(&altered) && !is_marked_forged(&frame()));
        assert_eq!(altered.len(), frame().len());
    }
}
