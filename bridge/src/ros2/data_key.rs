//! Data keys: where rmw_zenoh puts the messages of a topic and the requests of a service.
//!
//! `<domain>/<name>/<type name>/<type hash>`, with the type's name as DDS writes it. Domain, type name and type hash are part
//! of the key, so that whoever differs in one of them is never heard; the graph says why (see [`token`](super::token)).
//!
//! Pure text, both ways.

use std::fmt;

use nuncio::{TopicName, TypeHash};

/// What nodes of ROS 2 Humble write, which know no type hashes.
const NO_HASH: &str = "TypeHashNotSupported";

/// A type as a ROS node names it.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RosType {
    /// The full name, such as `std_msgs/msg/String` or `example_interfaces/action/Fibonacci_SendGoal`.
    pub name: String,
    /// The RIHS01 hash, of the service where it is one. `None`: the node knows no hashes.
    pub hash: Option<TypeHash>,
}

impl RosType {
    /// The type of this name and hash.
    pub fn new(name: &str, hash: TypeHash) -> Self {
        Self {
            name: name.to_owned(),
            hash: Some(hash),
        }
    }

    /// The name as DDS writes it: `std_msgs::msg::dds_::String_`.
    pub(crate) fn dds_name(&self) -> String {
        match self.name.rsplit_once('/') {
            Some((package, name)) => format!("{}::dds_::{name}_", package.replace('/', "::")),
            None => self.name.clone(),
        }
    }

    /// The hash as keys have it.
    pub(crate) fn hash_text(&self) -> String {
        self.hash.map_or_else(|| NO_HASH.to_owned(), |hash| hash.to_string())
    }

    /// The type that two chunks of a key name; `None` when they name none.
    pub(crate) fn from_chunks(dds_name: &str, hash: &str) -> Option<Self> {
        let (package, name) = dds_name.split_once("::dds_::")?;
        let (package, kind) = package.split_once("::")?;
        let name = name.strip_suffix('_')?;
        let is_word = |word: &str| {
            let rest = |c: char| c.is_ascii_alphanumeric() || c == '_';
            word.starts_with(|c: char| c.is_ascii_alphabetic()) && word.chars().all(rest)
        };
        let is_kind = ["msg", "srv", "action"].contains(&kind);
        if !(is_kind && is_word(package) && is_word(name)) {
            return None;
        }
        let hash = match hash {
            NO_HASH => None,
            text => Some(TypeHash::parse(text).ok()?),
        };
        Some(Self {
            name: format!("{package}/{kind}/{name}"),
            hash,
        })
    }
}

impl fmt::Display for RosType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.hash {
            Some(hash) => write!(f, "{} {hash}", self.name),
            None => write!(f, "{} (without a type hash)", self.name),
        }
    }
}

/// Where messages of one type on one topic go, or the requests of one service.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct DataKey {
    /// `ROS_DOMAIN_ID`.
    pub domain: u32,
    /// The name of the topic or service.
    pub name: TopicName,
    /// Its type.
    pub ty: RosType,
}

impl DataKey {
    /// The key that a key expression is; `None` when it is none.
    pub fn parse(key_expr: &str) -> Option<Self> {
        let (rest, hash) = key_expr.rsplit_once('/')?;
        let (rest, dds_name) = rest.rsplit_once('/')?;
        let (domain, name) = rest.split_once('/')?;
        Some(Self {
            domain: decimal(domain)?,
            name: TopicName::parse(&format!("/{name}")).ok()?,
            ty: RosType::from_chunks(dds_name, hash)?,
        })
    }
}

impl fmt::Display for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { domain, name, ty } = self;
        write!(f, "{domain}{name}/{}/{}", ty.dds_name(), ty.hash_text())
    }
}

/// A number that is written as `Display` writes it: digits only.
pub(crate) fn decimal<N: std::str::FromStr>(text: &str) -> Option<N> {
    text.parse()
        .ok()
        .filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STRING_HASH: &str = "RIHS01_df668c740482bbd48fb39d76a70dfd4bd59db1288021743503259e948f6b1a18";

    fn key(domain: u32, name: &str, type_name: &str, hash: &str) -> DataKey {
        DataKey {
            domain,
            name: TopicName::parse(name).unwrap(),
            ty: RosType::new(type_name, TypeHash::parse(hash).unwrap()),
        }
    }

    #[test]
    fn the_keys_are_those_of_rmw_zenoh() {
        let chatter = key(0, "/chatter", "std_msgs/msg/String", STRING_HASH);
        assert_eq!(
            chatter.to_string(),
            format!("0/chatter/std_msgs::msg::dds_::String_/{STRING_HASH}")
        );
        let nested = key(2, "/robot1/chatter", "std_msgs/msg/String", STRING_HASH);
        assert_eq!(
            nested.to_string(),
            format!("2/robot1/chatter/std_msgs::msg::dds_::String_/{STRING_HASH}")
        );
        let goal = key(
            0,
            "/fibonacci/_action/send_goal",
            "example_interfaces/action/Fibonacci_SendGoal",
            STRING_HASH,
        );
        let of_goal = "0/fibonacci/_action/send_goal/example_interfaces::action::dds_::Fibonacci_SendGoal_";
        assert_eq!(goal.to_string(), format!("{of_goal}/{STRING_HASH}"));
        for key in [chatter, nested, goal] {
            assert_eq!(DataKey::parse(&key.to_string()), Some(key));
        }
    }

    #[test]
    fn a_node_of_humble_has_no_hash() {
        let key = DataKey::parse("0/chatter/std_msgs::msg::dds_::String_/TypeHashNotSupported").unwrap();
        assert_eq!(key.ty.hash, None);
        assert_eq!(
            key.to_string(),
            "0/chatter/std_msgs::msg::dds_::String_/TypeHashNotSupported"
        );
    }

    #[test]
    fn what_is_no_data_key_is_none() {
        for text in [
            "",
            "0",
            "0/chatter",
            "x/chatter/std_msgs::msg::dds_::String_/TypeHashNotSupported",
            "+1/chatter/std_msgs::msg::dds_::String_/TypeHashNotSupported",
            "0/chatter/std_msgs::msg::String/TypeHashNotSupported",
            "0/chatter/std_msgs::idl::dds_::String_/TypeHashNotSupported",
            "0/chatter/std_msgs::msg::dds_::String_/RIHS01_12",
            "0//std_msgs::msg::dds_::String_/TypeHashNotSupported",
            "0/**/std_msgs::msg::dds_::String_/TypeHashNotSupported",
        ] {
            assert_eq!(DataKey::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic_and_what_is_read_is_written_alike(text in ".{0,80}|[0-9a-z_:/]{0,80}") {
            if let Some(key) = DataKey::parse(&text) {
                prop_assert_eq!(DataKey::parse(&key.to_string()), Some(key));
            }
        }
    }
}
