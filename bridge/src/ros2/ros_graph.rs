//! What is there on the network of ROS 2, by its liveliness tokens. Nothing of it is signed: all are claims.
//!
//! Bridges are known by the name of their node, which says the first digits of their key; all that their session has declared
//! is theirs, under whatever node's name. What a bridge says here it has taken from Nuncio's side, so that other bridges leave
//! it alone.
//!
//! Pure: tokens in, answers out.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use nuncio::{NodeName, PublicKey};

use super::gid::Gid;
use super::token::{EndpointKind, RosEndpoint, RosNode, Token, TokenError};

/// How many tokens are remembered: what is more is not seen.
const TOKENS_MAX: usize = 65_536;

/// What the name of a bridge's node begins with.
const BRIDGE_NAME: &str = "/nuncio_bridge_";

/// How many digits of a key the name of a bridge's node has.
const KEY_DIGITS: usize = 12;

/// A bridge, by the first digits of its key.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct BridgeId(String);

impl BridgeId {
    /// The bridge with this key.
    pub(crate) fn of_key(key: &PublicKey) -> Self {
        let digits = key.as_bytes().iter().map(|byte| format!("{byte:02x}"));
        Self(digits.take(KEY_DIGITS / 2).collect())
    }

    /// The bridge whose node this is, if it is one's.
    fn of_node(name: &NodeName) -> Option<Self> {
        let digits = name.as_str().strip_prefix(BRIDGE_NAME)?;
        let is_key = digits.len() == KEY_DIGITS && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        is_key.then(|| Self(digits.to_owned()))
    }

    /// The name of its node.
    pub(crate) fn node_name(&self) -> String {
        format!("{BRIDGE_NAME}{}", self.0)
    }
}

/// What the tokens say.
#[derive(Debug, Default)]
pub(crate) struct RosGraph {
    domain: u32,
    /// The session of the bridge itself, whose tokens are not of interest here.
    own_session: String,
    tokens: BTreeMap<String, Token>,
    writers: HashMap<Gid, String>,
    /// The bridges' sessions, and those of bridges to other domains.
    bridges: BTreeMap<String, (u32, BridgeId)>,
    /// All bridges that ever were here.
    bridges_seen: BTreeSet<BridgeId>,
}

impl RosGraph {
    /// The graph of this domain, as the session sees it.
    pub(crate) fn new(domain: u32, own_session: &str) -> Self {
        Self {
            domain,
            own_session: own_session.to_owned(),
            ..Self::default()
        }
    }

    /// A token is there, or is not there any more.
    ///
    /// # Errors
    ///
    /// [`TokenError`] when it is none.
    pub(crate) fn apply(&mut self, key_expr: &str, is_there: bool) -> Result<(), TokenError> {
        if !is_there {
            self.forget(key_expr);
            return Ok(());
        }
        let token = Token::parse(key_expr)?;
        if self.tokens.len() >= TOKENS_MAX || token.node().session == self.own_session {
            return Ok(());
        }
        match &token {
            Token::Node(node) => {
                if let Some(bridge) = BridgeId::of_node(&node.name) {
                    if node.domain == self.domain {
                        self.bridges_seen.insert(bridge.clone());
                    }
                    self.bridges.insert(node.session.clone(), (node.domain, bridge));
                }
            }
            Token::Endpoint(_) => {
                self.writers.insert(Gid::of_token(key_expr), key_expr.to_owned());
            }
        }
        self.tokens.insert(key_expr.to_owned(), token);
        Ok(())
    }

    fn forget(&mut self, key_expr: &str) {
        self.writers.remove(&Gid::of_token(key_expr));
        let Some(Token::Node(node)) = self.tokens.remove(key_expr) else {
            return;
        };
        if BridgeId::of_node(&node.name).is_some() {
            self.bridges.remove(&node.session);
        }
    }

    fn endpoints(&self) -> impl Iterator<Item = &RosEndpoint> {
        self.tokens.values().filter_map(|token| match token {
            Token::Endpoint(endpoint) if endpoint.node.domain == self.domain => Some(endpoint),
            _ => None,
        })
    }

    /// The endpoints of nodes of ROS in this domain: not those of bridges.
    pub(crate) fn ros_endpoints(&self) -> impl Iterator<Item = &RosEndpoint> {
        self.endpoints()
            .filter(|endpoint| !self.is_bridge(&endpoint.node.session))
    }

    /// The endpoints of other bridges in this domain.
    pub(crate) fn bridge_endpoints(&self) -> impl Iterator<Item = (&BridgeId, &RosEndpoint)> {
        self.endpoints()
            .filter_map(|endpoint| Some((&self.bridges.get(&endpoint.node.session)?.1, endpoint)))
    }

    /// The other bridges in this domain.
    pub(crate) fn bridges(&self) -> BTreeSet<&BridgeId> {
        let here = self.bridges.values().filter(|(domain, _)| *domain == self.domain);
        here.map(|(_, bridge)| bridge).collect()
    }

    /// Whether this is or was another bridge on this network.
    pub(crate) fn was_bridge(&self, key: &BridgeId) -> bool {
        self.bridges_seen.contains(key)
    }

    /// Whether this was another bridge on this network and is none any more.
    pub(crate) fn is_gone(&self, key: &BridgeId) -> bool {
        self.was_bridge(key) && !self.bridges().contains(key)
    }

    /// Whether a session is that of a bridge, be it this one or one to another domain.
    pub(crate) fn is_bridge(&self, session: &str) -> bool {
        session == self.own_session || self.bridges.contains_key(session)
    }

    /// Who wrote a message with this id, if its token is known.
    pub(crate) fn writer(&self, gid: &Gid) -> Option<&RosEndpoint> {
        match self.tokens.get(self.writers.get(gid)?)? {
            Token::Endpoint(endpoint) => Some(endpoint),
            Token::Node(_) => None,
        }
    }

    /// The name of the only node of ROS that has such an endpoint with this key; `None` when there are several.
    pub(crate) fn only_node(&self, kind: EndpointKind, key: &super::data_key::DataKey) -> Option<&NodeName> {
        let of_key = |endpoint: &&RosEndpoint| endpoint.kind == kind && endpoint.data_key() == *key;
        let names: BTreeSet<&NodeName> = self.ros_endpoints().filter(of_key).map(|e| &e.node.name).collect();
        let mut names = names.into_iter();
        names.next().filter(|_| names.next().is_none())
    }

    /// The other domains with nodes on this network, each with one of its nodes.
    pub(crate) fn other_domains(&self) -> BTreeMap<u32, &RosNode> {
        let nodes = self.tokens.values().map(Token::node);
        let others = nodes.filter(|node| node.domain != self.domain && !self.is_bridge(&node.session));
        others.map(|node| (node.domain, node)).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

    use super::*;

    const HASH: &str = "RIHS01_df668c740482bbd48fb39d76a70dfd4bd59db1288021743503259e948f6b1a18";

    fn node(domain: u32, session: &str, name: &str) -> String {
        format!("@ros2_lv/{domain}/{session}/0/0/NN/%/%/{name}")
    }

    fn endpoint(session: &str, id: u64, kind: &str, node: &str) -> String {
        format!(
            "@ros2_lv/0/{session}/0/{id}/{kind}/%/%/{node}/%chatter/std_msgs::msg::dds_::String_/{HASH}/::,10:,:,:,,"
        )
    }

    fn graph(tokens: &[String]) -> RosGraph {
        let mut graph = RosGraph::new(0, "aa");
        for token in tokens {
            graph.apply(token, true).unwrap();
        }
        graph
    }

    #[test]
    fn what_a_bridge_has_declared_is_its_own_whatever_came_first() {
        let mirrored = endpoint("b1", 2, "MP", "talker");
        let bridge = node(0, "b1", "nuncio_bridge_0123456789ab");
        for tokens in [[mirrored.clone(), bridge.clone()], [bridge.clone(), mirrored.clone()]] {
            let mut graph = graph(&tokens);
            assert_eq!(graph.ros_endpoints().count(), 0);
            assert_eq!(graph.bridge_endpoints().count(), 1);
            assert!(graph.is_bridge("b1"));
            graph.apply(&bridge, false).unwrap();
            assert!(!graph.is_bridge("b1"));
            assert_eq!(graph.ros_endpoints().count(), 1);
        }
    }

    #[test]
    fn a_node_that_is_only_called_like_a_bridge_is_none() {
        for name in [
            "nuncio_bridge_",
            "nuncio_bridge_0123",
            "nuncio_bridge_0123456789xy",
            "my_nuncio_bridge_0123456789ab",
        ] {
            let graph = graph(&[node(0, "b1", name)]);
            assert!(!graph.is_bridge("b1"), "{name}");
        }
    }

    #[test]
    fn a_writer_is_found_by_the_id_in_its_messages_until_it_is_gone() {
        let token = endpoint("c1", 1, "MP", "talker");
        let mut graph = graph(std::slice::from_ref(&token));
        let gid = Gid::of_token(&token);
        assert_eq!(graph.writer(&gid).unwrap().node.name.as_str(), "/talker");
        graph.apply(&token, false).unwrap();
        assert_eq!(graph.writer(&gid), None);
    }

    #[test]
    fn the_name_of_a_writer_that_gives_no_known_id_is_sure_only_when_it_is_the_only_one() {
        let mut graph = graph(&[endpoint("c1", 1, "MP", "talker")]);
        let key = graph.ros_endpoints().next().unwrap().data_key();
        assert_eq!(
            graph.only_node(EndpointKind::Publisher, &key).unwrap().as_str(),
            "/talker"
        );
        graph.apply(&endpoint("c2", 1, "MP", "other"), true).unwrap();
        assert_eq!(graph.only_node(EndpointKind::Publisher, &key), None);
    }

    #[test]
    fn other_domains_are_seen_and_nothing_of_them_is_here() {
        let graph = graph(&[node(5, "d1", "far"), node(0, "c1", "near")]);
        let others = graph.other_domains();
        assert_eq!(others.len(), 1);
        assert_eq!(others[&5].name.as_str(), "/far");
        assert_eq!(graph.ros_endpoints().count(), 0);
    }

    #[test]
    fn a_bridge_to_another_domain_is_none_of_this_one_and_no_node_of_ros_either() {
        let graph = graph(&[node(5, "d1", "nuncio_bridge_0123456789ab"), node(5, "d1", "mirrored")]);
        assert!(graph.bridges().is_empty());
        assert!(!graph.was_bridge(&BridgeId("0123456789ab".to_owned())));
        assert!(graph.other_domains().is_empty());
    }

    #[test]
    fn the_bridges_own_tokens_are_not_kept() {
        let graph = graph(&[endpoint("aa", 1, "MP", "talker")]);
        assert_eq!(graph.endpoints().count(), 0);
        assert!(graph.is_bridge("aa"));
    }

    #[test]
    fn a_bridge_is_named_by_the_first_digits_of_its_key() {
        let mut bytes = [0; 32];
        bytes[..6].copy_from_slice(&[0x01, 0x23, 0x45, 0x67, 0x89, 0xab]);
        let id = BridgeId::of_key(&PublicKey::from_bytes(bytes));
        assert_eq!(id.node_name(), "/nuncio_bridge_0123456789ab");
        assert_eq!(BridgeId::of_node(&NodeName::parse(&id.node_name()).unwrap()), Some(id));
    }
}
