//! Liveliness tokens: how nodes of ROS 2 over Zenoh tell each other what there is.
//!
//! A node is `@ros2_lv/<domain>/<session>/<id>/<id>/NN/<enclave>/<namespace>/<name>`; an endpoint has another id, its kind in
//! the place of `NN`, and behind the node's name that of the topic or service, its type, its hash and its QoS
//! ([`qos_chunk`]). A `/` in a name is written `%`.
//!
//! Tokens are claims: nobody signs them. Reading believes nothing but the form, and refuses what is no name.

use std::fmt;

use nuncio::{NodeName, QosProfile, TopicName};

use super::data_key::{DataKey, RosType, decimal};
use super::gid::Gid;
use super::qos_chunk;

/// The first chunk of every token. It is verbatim: `**` never matches it.
const ADMIN_SPACE: &str = "@ros2_lv";

/// Matches the tokens of every domain.
pub(crate) const EVERY_TOKEN: &str = "@ros2_lv/**";

/// The longest token that is read, in bytes: names have 255 each.
const TOKEN_LEN_MAX: usize = 2048;

/// What an endpoint does.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum EndpointKind {
    /// Publishes on a topic.
    Publisher,
    /// Subscribes to a topic.
    Subscription,
    /// Serves a service.
    Server,
    /// Calls a service.
    Client,
}

impl EndpointKind {
    const ALL: [Self; 4] = [Self::Publisher, Self::Subscription, Self::Server, Self::Client];

    /// The two letters in tokens.
    const fn code(self) -> &'static str {
        match self {
            Self::Publisher => "MP",
            Self::Subscription => "MS",
            Self::Server => "SS",
            Self::Client => "SC",
        }
    }

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Publisher => "publisher",
            Self::Subscription => "subscription",
            Self::Server => "service server",
            Self::Client => "service client",
        }
    }
}

/// A node of ROS 2, in one domain and one Zenoh session.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RosNode {
    /// `ROS_DOMAIN_ID`.
    pub domain: u32,
    /// The id of the Zenoh session, as Zenoh prints it.
    pub session: String,
    /// The node's number in its session.
    pub id: u64,
    /// The enclave; empty for none.
    pub enclave: String,
    /// Its full name.
    pub name: NodeName,
}

impl RosNode {
    /// The namespace, with its leading slash, and the name without.
    fn namespace_and_name(&self) -> (&str, &str) {
        let (namespace, name) = self.name.as_str().rsplit_once('/').unwrap_or_default();
        (if namespace.is_empty() { "/" } else { namespace }, name)
    }

    /// The part of a token that ends with the node's name.
    fn write(&self, f: &mut fmt::Formatter<'_>, id: u64, kind: &str) -> fmt::Result {
        let Self { domain, session, .. } = self;
        let (namespace, name) = self.namespace_and_name();
        let enclave = if self.enclave.is_empty() {
            "%".to_owned()
        } else {
            mangled(&self.enclave)
        };
        write!(
            f,
            "{ADMIN_SPACE}/{domain}/{session}/{}/{id}/{kind}/{enclave}/{}/{name}",
            self.id,
            mangled(namespace)
        )
    }
}

/// An endpoint of a node of ROS 2.
#[derive(Clone, Debug, PartialEq)]
pub struct RosEndpoint {
    /// The node that it belongs to.
    pub node: RosNode,
    /// Its number in the session.
    pub id: u64,
    /// What it does.
    pub kind: EndpointKind,
    /// The name of the topic or service.
    pub name: TopicName,
    /// Its type.
    pub ty: RosType,
    /// Its QoS.
    pub qos: QosProfile,
}

impl RosEndpoint {
    /// Where its messages or requests go.
    pub fn data_key(&self) -> DataKey {
        DataKey {
            domain: self.node.domain,
            name: self.name.clone(),
            ty: self.ty.clone(),
        }
    }

    /// Its id in what it writes.
    pub fn gid(&self) -> Gid {
        Gid::of_token(&Token::Endpoint(self.clone()).to_string())
    }
}

/// A liveliness token.
#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    /// A node is there.
    Node(RosNode),
    /// An endpoint is there.
    Endpoint(RosEndpoint),
}

impl Token {
    /// The token that a key expression is.
    ///
    /// # Errors
    ///
    /// [`TokenError`] names the first part that is not what it should be.
    pub fn parse(key_expr: &str) -> Result<Self, TokenError> {
        let wrong = |part: &'static str| TokenError { part };
        if key_expr.len() > TOKEN_LEN_MAX {
            return Err(wrong("its length"));
        }
        let chunks: Vec<&str> = key_expr.split('/').collect();
        let &[
            space,
            domain,
            session,
            node_id,
            id,
            kind,
            enclave,
            namespace,
            name,
            ref rest @ ..,
        ] = chunks.as_slice()
        else {
            return Err(wrong("its number of parts"));
        };
        if space != ADMIN_SPACE {
            return Err(wrong("its beginning"));
        }
        if session.is_empty() || !session.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(wrong("the session"));
        }
        let node = RosNode {
            domain: decimal(domain).ok_or_else(|| wrong("the domain"))?,
            session: session.to_owned(),
            id: decimal(node_id).ok_or_else(|| wrong("the number of the node"))?,
            enclave: if enclave == "%" {
                String::new()
            } else {
                enclave.replace('%', "/")
            },
            name: NodeName::join(&namespace.replace('%', "/"), name).map_err(|_| wrong("the name of the node"))?,
        };
        let id = decimal(id).ok_or_else(|| wrong("the number of the endpoint"))?;
        if kind == "NN" {
            return Ok(Self::Node(node));
        }
        let kind = EndpointKind::ALL.into_iter().find(|one| one.code() == kind);
        let kind = kind.ok_or_else(|| wrong("the kind"))?;
        let &[name, dds_name, hash, qos, ..] = rest else {
            return Err(wrong("its number of parts"));
        };
        Ok(Self::Endpoint(RosEndpoint {
            node,
            id,
            kind,
            name: TopicName::parse(&name.replace('%', "/")).map_err(|_| wrong("the name of the topic or service"))?,
            ty: RosType::from_chunks(dds_name, hash).ok_or_else(|| wrong("the type"))?,
            qos: qos_chunk::read(qos).ok_or_else(|| wrong("the QoS"))?,
        }))
    }

    /// The node that it speaks of.
    pub fn node(&self) -> &RosNode {
        match self {
            Self::Node(node) => node,
            Self::Endpoint(endpoint) => &endpoint.node,
        }
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(node) => node.write(f, node.id, "NN"),
            Self::Endpoint(endpoint) => {
                endpoint.node.write(f, endpoint.id, endpoint.kind.code())?;
                let RosEndpoint { name, ty, qos, .. } = endpoint;
                let name = mangled(name.as_str());
                write!(
                    f,
                    "/{name}/{}/{}/{}",
                    ty.dds_name(),
                    ty.hash_text(),
                    qos_chunk::write(qos)
                )
            }
        }
    }
}

fn mangled(name: &str) -> String {
    name.replace('/', "%")
}

/// A key expression that is no token: the first part that is not what it should be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TokenError {
    /// The part.
    pub part: &'static str,
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not what a liveliness token of rmw_zenoh has there", self.part)
    }
}

impl std::error::Error for TokenError {}

#[cfg(test)]
mod tests {
    use nuncio::TypeHash;
    use proptest::prelude::*;

    use super::*;

    const STRING_HASH: &str = "RIHS01_df668c740482bbd48fb39d76a70dfd4bd59db1288021743503259e948f6b1a18";

    fn talker(namespace: &str) -> RosNode {
        RosNode {
            domain: 0,
            session: "254aaf3707beffa552953a4aef83371f".to_owned(),
            id: 0,
            enclave: String::new(),
            name: NodeName::join(namespace, "talker").unwrap(),
        }
    }

    fn chatter(kind: EndpointKind, namespace: &str) -> RosEndpoint {
        RosEndpoint {
            node: talker(namespace),
            id: 0,
            kind,
            name: TopicName::parse("/chatter").unwrap(),
            ty: RosType::new("std_msgs/msg/String", TypeHash::parse(STRING_HASH).unwrap()),
            qos: QosProfile::keep_last(10),
        }
    }

    #[test]
    fn a_token_is_that_of_a_real_publisher() {
        let text = format!(
            "@ros2_lv/0/254aaf3707beffa552953a4aef83371f/0/0/MP/%/%my_ns/talker/%chatter/\
             std_msgs::msg::dds_::String_/{STRING_HASH}/::,10:,:,:,,"
        );
        let token = Token::Endpoint(chatter(EndpointKind::Publisher, "/my_ns"));
        assert_eq!(token.to_string(), text);
        assert_eq!(Token::parse(&text), Ok(token));
    }

    #[test]
    fn every_kind_of_token_is_read_as_it_was_written() {
        let of_kind = |kind| Token::Endpoint(chatter(kind, "/"));
        let endpoints = EndpointKind::ALL.into_iter().map(of_kind);
        for token in endpoints.chain([Token::Node(talker("/")), Token::Node(talker("/a/b"))]) {
            assert_eq!(Token::parse(&token.to_string()), Ok(token));
        }
        let node = "@ros2_lv/0/254aaf3707beffa552953a4aef83371f/0/0/NN/%/%/talker";
        assert_eq!(Token::Node(talker("/")).to_string(), node);
    }

    #[test]
    fn more_parts_than_are_known_are_of_a_later_version() {
        let token = Token::Endpoint(chatter(EndpointKind::Publisher, "/"));
        assert_eq!(Token::parse(&format!("{token}/backends:cpu")), Ok(token));
    }

    #[test]
    fn what_is_no_token_names_its_first_wrong_part() {
        let part = |text: &str| Token::parse(text).unwrap_err().part;
        assert_eq!(part(""), "its number of parts");
        assert_eq!(part("@ros2_lv/0/25/0/0/NN/%/%"), "its number of parts");
        assert_eq!(part("@ros2_xx/0/25/0/0/NN/%/%/talker"), "its beginning");
        assert_eq!(part("@ros2_lv/x/25/0/0/NN/%/%/talker"), "the domain");
        assert_eq!(part("@ros2_lv/0/zz/0/0/NN/%/%/talker"), "the session");
        assert_eq!(part("@ros2_lv/0/25/0/0/NN/%/%/"), "the name of the node");
        assert_eq!(part("@ros2_lv/0/25/0/0/NN/%/%/a b"), "the name of the node");
        assert_eq!(part("@ros2_lv/0/25/0/0/XX/%/%/talker"), "the kind");
        assert_eq!(part("@ros2_lv/0/25/0/0/MP/%/%/talker/%chatter"), "its number of parts");
        let with = |rest: &str| format!("@ros2_lv/0/25/0/1/MP/%/%/talker/{rest}");
        assert_eq!(part(&with("chatter/a/b/c")), "the name of the topic or service");
        assert_eq!(part(&with("%chatter/a/b/c")), "the type");
        let good_type = "std_msgs::msg::dds_::String_/TypeHashNotSupported";
        assert_eq!(part(&with(&format!("%chatter/{good_type}/x"))), "the QoS");
        assert_eq!(part(&"x".repeat(4096)), "its length");
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "@ros2_lv/.{0,200}|(@ros2_lv|[0-9a-f]{1,4}|%[a-z]{0,3}|MP|NN|/){0,30}") {
            if let Ok(token) = Token::parse(&text) {
                prop_assert_eq!(Token::parse(&token.to_string()), Ok(token));
            }
        }
    }
}
