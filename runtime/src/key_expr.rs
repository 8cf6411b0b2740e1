//! Where things live on the fabric: the one place that knows the layout of Zenoh key expressions.
//!
//! ```text
//! nuncio/<domain>/t/<topic>                              data of a topic
//! nuncio/<domain>/s/<service>/-/<key>/<epoch>/<writer>   a service server: requests by query, cancellations as puts
//! nuncio/<domain>/@node/<key>/<epoch>/<node name>        liveliness token of a node
//! nuncio/<domain>/@card/<key>/<epoch>/<node name>        the node's signed card: pushed on change, and by query
//! nuncio/<domain>/@alive/<key>/<epoch>/<node name>       signed statements that publishers of the node are alive
//! nuncio/<domain>/@facts/<key>/<epoch>/<node name>       what the node says of its own work, signed, by query
//! nuncio/<domain>/@type/<key>/<type hash>                a type's definition, by query
//! nuncio/<domain>/@message/<id>/<place>                  the frame with this message, by query
//! nuncio/<domain>/@effects/<id>/<place>                  frames with messages that name this one as their cause, by query
//! nuncio/<domain>/@history/<key>/<epoch>/<writer>        the last frames of a publisher, by query
//! nuncio/<domain>/@receipt/<key>/<epoch>/<node name>     what a node has accepted, signed for who asks, by query
//! nuncio/<domain>/@trust/<anchor key>                    an anchor's list of revocations: put when issued, and by query
//! nuncio_unsigned/<domain>/<topic>                       bytes that nobody signed, for measurements
//! ```
//!
//! `<place>` is where the frame was published, `<node name>/-/<topic>/-/<type hash>/<type name>`: whoever asks does not
//! know it and asks for `**`, whoever answers says it.
//!
//! `<key>` is the publisher's public key and `<epoch>` the start of the instance, both in lower-case hexadecimal.
//! Topic and node names keep their inner slashes and lose the leading one. Chunks that begin with `@` are never
//! matched by wildcards, so a spy on `nuncio/**` sees data only. Nothing in a key expression is evidence of
//! anything: it says where to look, and what is found there is signed.

use nuncio_msgs::TypeHash;

use crate::name::{Domain, NodeName, TopicName};
use crate::security::frame::{MessageId, Writer};
use crate::security::key::PublicKey;
use crate::security::missing::StreamId;
use crate::security::testimony::{FramePlace, Question};

/// The key expression of a topic's data.
pub(crate) fn topic(domain: &Domain, topic: &TopicName) -> String {
    format!("nuncio/{domain}/t{topic}")
}

/// One server of a service.
pub(crate) fn service_server(
    domain: &Domain,
    service: &TopicName,
    (key, epoch, writer): (&PublicKey, u64, Writer),
) -> String {
    let key = hex(key.as_bytes());
    format!(
        "nuncio/{domain}/s{service}{BETWEEN}{key}/{epoch:016x}/{:016x}",
        writer.0
    )
}

/// A topic on which nothing is signed, to measure against: outside of all that nodes listen to.
pub(crate) fn unsigned_topic(domain: &Domain, topic: &TopicName) -> String {
    format!("nuncio_unsigned/{domain}{topic}")
}

/// The liveliness token of a node.
pub(crate) fn node_token(domain: &Domain, key: &PublicKey, epoch: u64, node: &NodeName) -> String {
    format!("nuncio/{domain}/@node/{}/{epoch:016x}{node}", hex(key.as_bytes()))
}

/// The liveliness tokens of all nodes that have this key.
pub(crate) fn node_tokens_of_key(domain: &Domain, key: &PublicKey) -> String {
    format!("nuncio/{domain}/@node/{}/**", hex(key.as_bytes()))
}

/// All liveliness tokens of a domain.
pub(crate) fn all_node_tokens(domain: &Domain) -> String {
    format!("nuncio/{domain}/@node/**")
}

/// The card of a node.
pub(crate) fn card(domain: &Domain, key: &PublicKey, epoch: u64, node: &NodeName) -> String {
    format!("nuncio/{domain}/@card/{}/{epoch:016x}{node}", hex(key.as_bytes()))
}

/// What a node says of its own work.
pub(crate) fn facts(domain: &Domain, key: &PublicKey, epoch: u64, node: &NodeName) -> String {
    format!("nuncio/{domain}/@facts/{}/{epoch:016x}{node}", hex(key.as_bytes()))
}

/// The cards of all nodes that have this key.
pub(crate) fn cards_of_key(domain: &Domain, key: &PublicKey) -> String {
    format!("nuncio/{domain}/@card/{}/**", hex(key.as_bytes()))
}

/// The liveliness tokens of all nodes of all domains.
pub(crate) const NODE_TOKENS_OF_ALL_DOMAINS: &str = "nuncio/*/@node/**";

/// The domain of a node's liveliness token; `None` when it is none.
pub(crate) fn parse_domain(node_token: &str) -> Option<Domain> {
    let (domain, rest) = node_token.strip_prefix("nuncio/")?.split_once('/')?;
    Domain::parse(domain).ok().filter(|_| rest.starts_with("@node/"))
}

/// All cards of a domain.
pub(crate) fn all_cards(domain: &Domain) -> String {
    format!("nuncio/{domain}/@card/**")
}

/// The statements of a node's instance that publishers of it are alive.
pub(crate) fn assertion(domain: &Domain, key: &PublicKey, epoch: u64, node: &NodeName) -> String {
    format!("nuncio/{domain}/@alive/{}/{epoch:016x}{node}", hex(key.as_bytes()))
}

/// Such statements of all instances of a node.
pub(crate) fn assertions_of(domain: &Domain, key: &PublicKey, node: &NodeName) -> String {
    format!("nuncio/{domain}/@alive/{}/*{node}", hex(key.as_bytes()))
}

/// A type's definition as the holder of this key publishes it.
pub(crate) fn type_definition(domain: &Domain, key: &PublicKey, type_hash: &[u8; 32]) -> String {
    format!("nuncio/{domain}/@type/{}/{}", hex(key.as_bytes()), hex(type_hash))
}

/// All type definitions that the holder of this key serves.
pub(crate) fn type_definitions(domain: &Domain, key: &PublicKey) -> String {
    format!("nuncio/{domain}/@type/{}/*", hex(key.as_bytes()))
}

/// The definitions of all types.
pub(crate) fn all_type_definitions(domain: &Domain) -> String {
    format!("nuncio/{domain}/@type/**")
}

/// Where a node tells publishers which of their messages it has accepted.
pub(crate) fn receipts(domain: &Domain, key: &PublicKey, epoch: u64, node: &NodeName) -> String {
    format!("nuncio/{domain}/@receipt/{}/{epoch:016x}{node}", hex(key.as_bytes()))
}

/// The same of all nodes of a domain.
pub(crate) fn all_receipts(domain: &Domain) -> String {
    format!("nuncio/{domain}/@receipt/**")
}

/// The last frames of a publisher.
pub(crate) fn history(domain: &Domain, of: &StreamId) -> String {
    let (epoch, writer) = (of.epoch, of.writer.0);
    format!(
        "nuncio/{domain}/@history/{}/{epoch:016x}/{writer:016x}",
        hex(of.key.as_bytes())
    )
}

/// The last frames of all publishers of one instance of a node.
pub(crate) fn histories(domain: &Domain, key: &PublicKey, epoch: u64) -> String {
    format!("nuncio/{domain}/@history/{}/{epoch:016x}/*", hex(key.as_bytes()))
}

/// The last frames of all publishers of a domain.
pub(crate) fn all_histories(domain: &Domain) -> String {
    format!("nuncio/{domain}/@history/**")
}

/// Reads whose last frames are asked for.
pub(crate) fn parse_history(domain: &Domain, key_expr: &str) -> Option<StreamId> {
    let rest = key_expr
        .strip_prefix("nuncio/")?
        .strip_prefix(domain.as_str())?
        .strip_prefix("/@history/")?;
    let mut parts = rest.split('/');
    let (key, epoch, writer) = (parts.next()?, parts.next()?, parts.next()?);
    Some(StreamId {
        key: PublicKey::from_bytes(unhex(key)?),
        epoch: u64::from_be_bytes(unhex(epoch)?),
        writer: Writer(u64::from_be_bytes(unhex(writer)?)),
    })
    .filter(|_| parts.next().is_none())
}

/// The data of the topics that a pattern matches.
pub(crate) fn topics(domain: &Domain, pattern: &str) -> String {
    format!("nuncio/{domain}/t/{pattern}")
}

/// The servers of the services that a pattern matches, or those among them that the holder of this key runs.
pub(crate) fn service_servers(domain: &Domain, pattern: &str, key: Option<&PublicKey>) -> String {
    let key = key.map(|key| format!("{}/", hex(key.as_bytes()))).unwrap_or_default();
    format!("nuncio/{domain}/s/{pattern}{BETWEEN}{key}**")
}

/// Where only the holder of this key speaks.
pub(crate) fn all_of_key(domain: &Domain, key: &PublicKey) -> [String; 7] {
    let kinds = ["@node", "@card", "@alive", "@facts", "@type", "@history", "@receipt"];
    kinds.map(|kind| format!("nuncio/{domain}/{kind}/{}/**", hex(key.as_bytes())))
}

/// Questions that every node may answer: what it answers with is signed by whom it is about.
pub(crate) fn shared_questions(domain: &Domain) -> [String; 3] {
    let [by_message, by_cause] = all_frame_questions(domain);
    [by_message, by_cause, all_revocations(domain)]
}

/// Everything in a domain: `**` alone does not match what begins with `@`.
pub(crate) fn every_kind(domain: &Domain) -> Vec<String> {
    let [by_message, by_cause, trust] = shared_questions(domain);
    vec![
        topics(domain, "**"),
        service_servers(domain, "**", None),
        all_node_tokens(domain),
        all_cards(domain),
        format!("nuncio/{domain}/@alive/**"),
        format!("nuncio/{domain}/@facts/**"),
        all_type_definitions(domain),
        all_histories(domain),
        all_receipts(domain),
        by_message,
        by_cause,
        trust,
    ]
}

/// The list of revocations of an anchor.
pub(crate) fn revocations(domain: &Domain, anchor: &PublicKey) -> String {
    format!("nuncio/{domain}/@trust/{}", hex(anchor.as_bytes()))
}

/// The lists of revocations of all anchors.
pub(crate) fn all_revocations(domain: &Domain) -> String {
    format!("nuncio/{domain}/@trust/*")
}

/// What the key expression of a liveliness token, a card or an assertion claims. Only a card that verifies makes it more than a claim.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct NodeClaim {
    pub(crate) key: PublicKey,
    pub(crate) epoch: u64,
    pub(crate) node: NodeName,
}

/// Reads the key expression of a token, a card or an assertion; `None` when it is not one of this domain.
pub(crate) fn parse_node_claim(domain: &Domain, key_expr: &str) -> Option<NodeClaim> {
    let rest = key_expr
        .strip_prefix("nuncio/")?
        .strip_prefix(domain.as_str())?
        .strip_prefix('/')?;
    let mut kinds = ["@node/", "@card/", "@alive/"].into_iter();
    let rest = kinds.find_map(|kind| rest.strip_prefix(kind))?;
    let (key, rest) = rest.split_once('/')?;
    let (epoch, node) = rest.split_at_checked(16)?;
    let lower_hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if !lower_hex(epoch) {
        return None;
    }
    Some(NodeClaim {
        key: PublicKey::from_bytes(unhex(key)?),
        epoch: u64::from_str_radix(epoch, 16).ok()?,
        node: NodeName::parse(node).ok()?,
    })
}

/// The type hash that a definition's key expression asks for.
pub(crate) fn parse_type_definition(key_expr: &str) -> Option<[u8; 32]> {
    unhex(key_expr.rsplit('/').next()?)
}

/// What stands between the parts of a place; no name has such a part.
const BETWEEN: &str = "/-/";

/// All questions for frames by message, and all by cause.
pub(crate) fn all_frame_questions(domain: &Domain) -> [String; 2] {
    ["@message", "@effects"].map(|verb| format!("nuncio/{domain}/{verb}/**"))
}

/// A question for frames.
pub(crate) fn frame_question(domain: &Domain, question: Question) -> String {
    format!("{}**", frame_prefix(domain, question))
}

/// The key on which a frame answers a question.
pub(crate) fn frame_answer(domain: &Domain, question: Question, place: &FramePlace) -> String {
    format!(
        "{}{}{BETWEEN}{}{BETWEEN}{}/{}",
        frame_prefix(domain, question),
        place.node.as_str().trim_start_matches('/'),
        place.topic.as_str().trim_start_matches('/'),
        hex(place.type_hash.as_bytes()),
        place.type_name,
    )
}

fn frame_prefix(domain: &Domain, question: Question) -> String {
    match question {
        Question::Message(id) => format!("nuncio/{domain}/@message/{id}/"),
        Question::EffectsOf(id) => format!("nuncio/{domain}/@effects/{id}/"),
    }
}

/// Reads a question for frames.
pub(crate) fn parse_frame_question(domain: &Domain, key_expr: &str) -> Option<Question> {
    let rest = key_expr
        .strip_prefix("nuncio/")?
        .strip_prefix(domain.as_str())?
        .strip_prefix('/')?;
    let (verb, id) = rest.strip_suffix("/**")?.split_once('/')?;
    let id = MessageId(unhex(id)?);
    match verb {
        "@message" => Some(Question::Message(id)),
        "@effects" => Some(Question::EffectsOf(id)),
        _ => None,
    }
}

/// Reads where the frame that answers a question is said to have been published.
pub(crate) fn parse_frame_answer(domain: &Domain, question: Question, key_expr: &str) -> Option<FramePlace> {
    let place = key_expr.strip_prefix(&frame_prefix(domain, question))?;
    let (node, rest) = place.split_once(BETWEEN)?;
    let (topic, of_type) = rest.split_once(BETWEEN)?;
    let (type_hash, type_name) = of_type.split_once('/')?;
    Some(FramePlace {
        node: NodeName::parse(&format!("/{node}")).ok()?,
        topic: TopicName::parse(&format!("/{topic}")).ok()?,
        type_name: type_name.to_owned(),
        type_hash: TypeHash::from_bytes(unhex(type_hash)?),
    })
}

/// Bytes as lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The bytes of lower-case hexadecimal; `None` when they are not exactly so many.
pub(crate) fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    let digit = |character: u8| match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_survives_the_way_there_and_back() {
        let domain = Domain::parse("7").unwrap();
        let claim = NodeClaim {
            key: PublicKey::from_bytes([0xab; 32]),
            epoch: 0x0000_0192_abcd_ef01,
            node: NodeName::parse("/robot_1/arm").unwrap(),
        };
        let token = node_token(&domain, &claim.key, claim.epoch, &claim.node);
        assert_eq!(
            token,
            format!("nuncio/7/@node/{}/00000192abcdef01/robot_1/arm", "ab".repeat(32))
        );
        assert_eq!(parse_node_claim(&domain, &token), Some(claim.clone()));
        let card = card(&domain, &claim.key, claim.epoch, &claim.node);
        assert_eq!(parse_node_claim(&domain, &card), Some(claim.clone()));
        let assertion = assertion(&domain, &claim.key, claim.epoch, &claim.node);
        assert_eq!(parse_node_claim(&domain, &assertion), Some(claim));
    }

    #[test]
    fn whose_history_it_is_survives_the_way_there_and_back() {
        let domain = Domain::parse("7").unwrap();
        let id = StreamId {
            key: PublicKey::from_bytes([0xab; 32]),
            epoch: 0x0000_0192_abcd_ef01,
            writer: Writer(0xfedc_ba98_7654_3210),
        };
        let text = history(&domain, &id);
        assert_eq!(
            text,
            format!(
                "nuncio/7/@history/{}/00000192abcdef01/fedcba9876543210",
                "ab".repeat(32)
            )
        );
        assert_eq!(parse_history(&domain, &text), Some(id));
        for broken in [
            histories(&domain, &id.key, id.epoch),
            format!("{text}/more"),
            text.to_uppercase(),
            text.replace("/7/", "/8/"),
        ] {
            assert_eq!(parse_history(&domain, &broken), None, "{broken}");
        }
    }

    #[test]
    fn a_question_and_its_answer_survive_the_way_there_and_back() {
        let domain = Domain::parse("7").unwrap();
        let place = FramePlace {
            node: NodeName::parse("/robot_1/arm").unwrap(),
            topic: TopicName::parse("/robot_1/cmd_vel").unwrap(),
            type_name: "geometry_msgs/msg/Twist".to_owned(),
            type_hash: TypeHash::from_bytes([0xcd; 32]),
        };
        for question in [
            Question::Message(MessageId([0xab; 16])),
            Question::EffectsOf(MessageId([1; 16])),
        ] {
            let asked = frame_question(&domain, question);
            assert_eq!(parse_frame_question(&domain, &asked), Some(question), "{asked}");
            let answered = frame_answer(&domain, question, &place);
            assert_eq!(
                parse_frame_answer(&domain, question, &answered).as_ref(),
                Some(&place),
                "{answered}"
            );
        }
        let asked = frame_question(&domain, Question::Message(MessageId([0xab; 16])));
        assert_eq!(asked, format!("nuncio/7/@message/{}/**", "ab".repeat(16)));
        let other = frame_answer(&domain, Question::Message(MessageId([1; 16])), &place);
        assert_eq!(
            parse_frame_answer(&domain, Question::Message(MessageId([2; 16])), &other),
            None
        );
        for broken in [
            "nuncio/7/@message/**",
            "nuncio/7/@message/ab/**",
            "nuncio/8/@message/x/**",
        ] {
            assert_eq!(parse_frame_question(&domain, broken), None, "{broken}");
        }
    }

    #[test]
    fn foreign_and_broken_tokens_are_no_claims() {
        let domain = Domain::default();
        let key = "ab".repeat(32);
        for token in [
            format!("nuncio/1/@node/{key}/0000000000000001/a"),
            format!("nuncio/0/t/{key}/0000000000000001/a"),
            format!("nuncio/0/@node/{}/0000000000000001/a", "AB".repeat(32)),
            format!("nuncio/0/@node/{key}ab/0000000000000001/a"),
            format!("nuncio/0/@node/{key}/+000000000000001/a"),
            format!("nuncio/0/@node/{key}/0000000000000001"),
            format!("nuncio/0/@node/{key}/0000000000000001/a b"),
            format!("nuncio/0/@node/{key}/00000000000001é/a"),
        ] {
            assert_eq!(parse_node_claim(&domain, &token), None, "{token}");
        }
    }
}
