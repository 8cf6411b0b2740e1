//! What a Zenoh router shall let whom do: trust.toml as the router's access control.
//!
//! A router knows the key at the other end of a TLS link by the common name of its certificate ([`x509`](super::x509)), and
//! has lists of key expressions, allowed or not. So roles and scopes are multiplied out here, for one instant: who is
//! admitted, what each may put, and what every one of them needs to be a node at all. Whatever is not listed is refused.
//!
//! # Invariant
//!
//! A put that the rules let through is one that the policy permits at that instant. A router may be stricter than receivers
//! and is never wider: what cannot be said in its terms is told in [`Admission::remarks`].
//!
//! # What a hop can do, and what it cannot
//!
//! It lets nobody in without a certificate of the authority, lets a member put on the topics and call the services that its
//! roles permit, and lets it speak for its own key only: its token, its card, its types, the services that it may serve. What a member may not put goes no further, so it costs
//! receivers nothing.
//!
//! - It looks at the link and at the key expression, not into frames: a member that forwards frames of others on its own
//!   topics is let through, and refused by receivers. Limits of topics (`max_size`, `max_age`, `max_rate`, `role`,
//!   `second_signers`) and signatures are theirs to check.
//! - It knows one instant, that of the export. Later grants and revocations reach it with the next export and a restart; only
//!   a certificate that ends, ends by itself. Receivers hear of revocations at once.
//! - It tells nobody what it has refused. The publisher sees its put succeed.
//! - Every member may hear everything. TLS hides topics from strangers, not from members.
//!
//! Receivers check all of it again, and more: a router is believed by nobody.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};

use super::certificate_chain::CertificateChain;
use super::key::PublicKey;
use super::pattern_overlap::{TangledPatterns, overlap};
use super::role::{Nickname, RoleName};
use super::time_text::utc_text;
use super::topic_pattern::TopicPattern;
use super::trust_policy::{TrustMode, TrustPolicy};
use crate::key_expr;
use crate::name::Domain;

/// A key that the router lets in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Member {
    /// The key, by whose text form the router knows it.
    pub key: PublicKey,
    /// What people call it; no two members have the same.
    pub nickname: String,
    /// What it may publish: key expressions over topic names.
    pub publishes: BTreeSet<String>,
    /// What it may serve: key expressions over service names.
    pub serves: BTreeSet<String>,
    /// What it may call: key expressions over service names.
    pub calls: BTreeSet<String>,
    /// When this begins, if that is said.
    pub not_before_ns: Option<i64>,
    /// When this ends, if it does.
    pub not_after_ns: Option<i64>,
}

/// Who is let in, and what could not be said to the router.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Admission {
    /// The members, by key.
    pub members: Vec<Member>,
    /// For people: who is left out, and what only receivers check.
    pub remarks: Vec<String>,
}

/// Roles in a scope for a time, from a grant or a certificate.
struct Credential<'a> {
    key: PublicKey,
    nickname: &'a Nickname,
    roles: &'a BTreeSet<RoleName>,
    scope: &'a BTreeSet<TopicPattern>,
    not_before_ns: Option<i64>,
    not_after_ns: Option<i64>,
}

impl Admission {
    /// Whom the policy admits at `now_ns`, by its grants and by the certificates that are known here.
    ///
    /// A key with several credentials is admitted until the first of them ends.
    ///
    /// # Errors
    ///
    /// [`TangledPatterns`] when a role and a scope have so many stars that their overlap cannot be listed.
    pub fn new(
        policy: &TrustPolicy,
        certificates: &[CertificateChain],
        domain: &Domain,
        now_ns: i64,
    ) -> Result<Self, TangledPatterns> {
        let mut admission = Self::default();
        let mut members: BTreeMap<PublicKey, Member> = BTreeMap::new();
        let granted = policy.grants().map(|grant| Credential {
            key: grant.key,
            nickname: &grant.nickname,
            roles: &grant.roles,
            scope: &grant.scope,
            not_before_ns: grant.not_before_ns,
            not_after_ns: grant.expires_ns,
        });
        let certified = certificates.iter().filter_map(|chain| {
            let problem = wrong_with(chain, policy, domain, now_ns);
            let terms = chain.leaf().terms();
            if let Some(problem) = problem {
                admission
                    .remarks
                    .push(format!("{} is left out: {problem}", terms.nickname));
                return None;
            }
            Some(Credential {
                key: terms.subject,
                nickname: &terms.nickname,
                roles: &terms.roles,
                scope: &terms.scope,
                not_before_ns: Some(terms.not_before_ns),
                not_after_ns: Some(terms.not_after_ns),
            })
        });
        let certified: Vec<_> = certified.collect();
        for credential in granted.chain(certified) {
            match Self::not_now(&credential, policy, now_ns) {
                Some(problem) => {
                    let remark = format!("{} is left out: {problem}", credential.nickname);
                    admission.remarks.push(remark);
                }
                None => admit(&mut members, &credential, policy)?,
            }
        }
        admission.members = with_names_of_their_own(members.into_values());
        admission.remark_on_what_receivers_check(policy);
        Ok(admission)
    }

    fn not_now(credential: &Credential<'_>, policy: &TrustPolicy, now_ns: i64) -> Option<String> {
        let revoked = policy.revoked_at(credential.key).filter(|at_ns| *at_ns <= now_ns);
        let early = credential.not_before_ns.filter(|begins_ns| now_ns < *begins_ns);
        let late = credential.not_after_ns.filter(|ends_ns| *ends_ns <= now_ns);
        revoked
            .map(|at_ns| format!("the key was revoked from {} on", utc_text(at_ns)))
            .or_else(|| late.map(|ends_ns| format!("it expired at {}", utc_text(ends_ns))))
            .or_else(|| early.map(|begins_ns| format!("it begins at {}; export again then", utc_text(begins_ns))))
    }

    fn remark_on_what_receivers_check(&mut self, policy: &TrustPolicy) {
        let topics = policy.topics();
        self.remarks.extend(topics.map(|(pattern, limits)| {
            format!(
                "checked by receivers only: topics.\"{pattern}\" has {}",
                limits.in_words()
            )
        }));
        if policy.mode != TrustMode::Enforce {
            self.remarks.push(format!(
                "the router enforces roles, but receivers in mode {} do not ask for them: what comes another way is \
                 delivered; `mode = \"enforce\"` in trust.toml changes that",
                policy.mode
            ));
        }
    }

    /// The configuration of a router that listens on `listen` and finds its certificates in the folder `files`.
    ///
    /// It accepts TLS links alone, each with a certificate of the authority, and it tells nobody about others: two nodes that
    /// found each other past the router would not be held to its rules.
    pub fn router_config(&self, domain: &Domain, listen: &[String], files: &Path) -> Value {
        json!({
            "mode": "router",
            "listen": {"endpoints": listen},
            "scouting": {"multicast": {"enabled": false}, "gossip": {"enabled": false}},
            "transport": {"link": {
                "protocols": ["tls"],
                "tls": {
                    "root_ca_certificate": files.join("ca.pem"),
                    "listen_certificate": files.join("router.pem"),
                    "listen_private_key": files.join("router.key"),
                    "enable_mtls": true,
                    "close_link_on_expiration": true,
                },
            }},
            "access_control": self.access_control(domain),
        })
    }

    fn access_control(&self, domain: &Domain) -> Value {
        let all = key_expr::every_kind(domain);
        let mut rules = Vec::new();
        let mut policies = Vec::new();
        let names: Vec<&str> = self.members.iter().map(|member| member.nickname.as_str()).collect();
        if !names.is_empty() {
            rules.extend(for_every_node(domain, &all));
            let ids: Vec<Value> = rules.iter().filter_map(|rule| rule.get("id").cloned()).collect();
            policies.push(json!({"id": "every node", "rules": ids, "subjects": names}));
        }
        for member in &self.members {
            let own = member.rules(domain);
            let ids: Vec<Value> = own.iter().filter_map(|rule| rule.get("id").cloned()).collect();
            rules.extend(own);
            policies.push(json!({"id": member.nickname, "rules": ids, "subjects": [member.nickname]}));
        }
        let subjects: Vec<Value> = self
            .members
            .iter()
            .map(|member| json!({"id": member.nickname, "cert_common_names": [member.key.to_string()]}))
            .collect();
        json!({
            "enabled": true,
            "default_permission": "deny",
            "rules": rules,
            "subjects": subjects,
            "policies": policies,
        })
    }
}

impl Member {
    /// What this member may do beyond what every node may.
    fn rules(&self, domain: &Domain) -> Vec<Value> {
        let nickname = &self.nickname;
        let mut rules = vec![allow(
            &format!("{nickname} is there"),
            "ingress",
            &["liveliness_token", "put", "declare_queryable", "reply"],
            key_expr::all_of_key(domain, &self.key),
        )];
        let mut may = |what: &str, messages: &[&str], key_exprs: Vec<String>| {
            if !key_exprs.is_empty() {
                rules.push(allow(&format!("{nickname} {what}"), "ingress", messages, key_exprs));
            }
        };
        let publishes = self.publishes.iter().map(|topics| key_expr::topics(domain, topics));
        may("publishes", &["put"], publishes.collect());
        let servers = |services: &String, key| key_expr::service_servers(domain, services, key);
        let serves = self.serves.iter().map(|services| servers(services, Some(&self.key)));
        may(
            "serves",
            &["declare_queryable", "declare_subscriber", "reply"],
            serves.collect(),
        );
        // What is put there is a cancellation.
        let calls = self.calls.iter().map(|services| servers(services, None));
        may("calls", &["query", "put"], calls.collect());
        rules
    }
}

/// What is wrong with the chain itself, its time apart.
fn wrong_with(chain: &CertificateChain, policy: &TrustPolicy, domain: &Domain, now_ns: i64) -> Option<String> {
    let is_revoked = |key: &PublicKey| policy.revoked_at(*key).is_some_and(|at_ns| at_ns <= now_ns);
    if let Some(key) = chain.keys().find(is_revoked) {
        return Some(format!("the certificate rests on {key}, which is revoked"));
    }
    if !policy.is_anchor(chain.anchor()) {
        return Some(format!(
            "the certificate leads to {}, which is no anchor in trust.toml",
            chain.anchor()
        ));
    }
    let certified = &chain.leaf().terms().domain;
    (certified != domain).then(|| format!("the certificate is for domain {certified}, not {domain}"))
}

fn admit(
    members: &mut BTreeMap<PublicKey, Member>,
    credential: &Credential<'_>,
    policy: &TrustPolicy,
) -> Result<(), TangledPatterns> {
    let member = members.entry(credential.key).or_insert_with(|| Member {
        key: credential.key,
        nickname: credential.nickname.to_string(),
        publishes: BTreeSet::new(),
        serves: BTreeSet::new(),
        calls: BTreeSet::new(),
        not_before_ns: None,
        not_after_ns: policy.revoked_at(credential.key),
    });
    let earlier = |a: Option<i64>, b: Option<i64>| a.into_iter().chain(b).min();
    member.not_before_ns = member.not_before_ns.max(credential.not_before_ns);
    member.not_after_ns = earlier(member.not_after_ns, credential.not_after_ns);
    for (_, role) in policy.roles().filter(|(name, _)| credential.roles.contains(*name)) {
        for (permitted, may) in [
            (&role.publish, &mut member.publishes),
            (&role.serve, &mut member.serves),
            (&role.call, &mut member.calls),
        ] {
            for pattern in permitted {
                for scope in credential.scope {
                    may.extend(overlap(pattern, scope)?);
                }
            }
        }
    }
    Ok(())
}

/// Certificates come from many places, so two keys can have one nickname. The later ones get a part of the key.
fn with_names_of_their_own(members: impl Iterator<Item = Member>) -> Vec<Member> {
    let mut taken = BTreeSet::new();
    let named = members.map(|mut member| {
        if !taken.insert(member.nickname.clone()) {
            member.nickname = format!("{}-{}", member.nickname, member.key.to_multibase());
            taken.insert(member.nickname.clone());
        }
        member
    });
    named.collect()
}

/// What it takes to be a node: to hear all, to ask and to be asked.
fn for_every_node(domain: &Domain, all: &[String]) -> Vec<Value> {
    let shared = key_expr::shared_questions(domain);
    let asked = [key_expr::all_cards(domain), key_expr::all_type_definitions(domain)];
    let heard = [
        key_expr::topics(domain, "**"),
        key_expr::all_cards(domain),
        key_expr::all_revocations(domain),
    ];
    let tokens = ["declare_liveliness_subscriber", "liveliness_query"];
    vec![
        allow("nodes listen", "ingress", &["declare_subscriber"], heard),
        allow(
            "nodes look for nodes",
            "ingress",
            &tokens,
            [key_expr::all_node_tokens(domain)],
        ),
        allow(
            "nodes ask",
            "ingress",
            &["query"],
            asked.into_iter().chain(shared.clone()),
        ),
        allow("nodes answer", "ingress", &["declare_queryable", "reply"], shared),
        allow(
            "nodes relay trust",
            "ingress",
            &["put"],
            [key_expr::all_revocations(domain)],
        ),
        allow(
            "nodes hear",
            "egress",
            &[
                "put",
                "query",
                "reply",
                "declare_subscriber",
                "declare_queryable",
                "liveliness_token",
                "declare_liveliness_subscriber",
                "liveliness_query",
            ],
            all.iter().cloned(),
        ),
    ]
}

fn allow(id: &str, flow: &str, messages: &[&str], key_exprs: impl IntoIterator<Item = String>) -> Value {
    json!({
        "id": id,
        "permission": "allow",
        "flows": [flow],
        "messages": messages,
        "key_exprs": key_exprs.into_iter().collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests;
