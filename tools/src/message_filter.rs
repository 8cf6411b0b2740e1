//! The condition on messages that a person gives, asked of one message after the other, whatever types they have.
//!
//! A message whose type lacks a field of the condition does not satisfy it. That is a mistake of the person only when no type has
//! the fields.

use std::collections::HashMap;

use nuncio::run_time_type::RunTimeType;
use nuncio::{Keystore, MessageInfo, PublicKey, TopicName, TypeHash};
use nuncio_bridge::filter::{Filter, FilterError, Known, TypedFilter};
use serde_json::Value;

use crate::acquaintances::{Acquaintances, ME, Source};
use crate::catalog::Catalog;
use crate::commands::CommandError;
use crate::session::Session;

/// How many types are remembered. Each publisher may come with others.
const TYPES_MAX: usize = 64;

/// A condition, and what became of it so far.
#[derive(Debug)]
pub(crate) struct MessageFilter {
    filter: Filter,
    acquaintances: Acquaintances,
    typed: HashMap<(String, TypeHash), Result<TypedFilter, FilterError>>,
    fits_any: bool,
    /// Why it does not fit the first type that it does not fit.
    misfit: Option<FilterError>,
}

impl MessageFilter {
    /// `acquaintances` say by which names a signer may be called.
    pub(crate) fn new(filter: Filter, acquaintances: Acquaintances) -> Self {
        Self {
            filter,
            acquaintances,
            typed: HashMap::new(),
            fits_any: false,
            misfit: None,
        }
    }

    /// The filter that the arguments of a command on the network name, if any.
    ///
    /// # Errors
    ///
    /// When the keystore cannot be read.
    pub(crate) fn of_session(session: &Session<'_>, filter: Option<&Filter>) -> Result<Option<Self>, CommandError> {
        let Some(filter) = filter else { return Ok(None) };
        Ok(Some(Self::new(filter.clone(), acquaintances(session)?)))
    }

    /// Whether the condition fits this type.
    pub(crate) fn fits(&mut self, codec: &RunTimeType, hash: TypeHash) -> bool {
        self.typed_for(codec, hash).is_some()
    }

    fn typed_for(&mut self, codec: &RunTimeType, hash: TypeHash) -> Option<&TypedFilter> {
        let id = (codec.type_name().to_owned(), hash);
        if self.typed.len() >= TYPES_MAX && !self.typed.contains_key(&id) {
            self.typed.clear();
        }
        let typed = self.typed.entry(id).or_insert_with(|| self.filter.for_type(codec));
        match typed {
            Ok(_) => self.fits_any = true,
            Err(error) => {
                self.misfit.get_or_insert_with(|| error.clone());
            }
        }
        typed.as_ref().ok()
    }

    /// Whether a message satisfies the condition.
    pub(crate) fn passes(&mut self, codec: &RunTimeType, hash: TypeHash, message: &Value, known: &Known) -> bool {
        let typed = self.typed_for(codec, hash);
        typed.is_some_and(|typed| typed.matches(message, known))
    }

    /// What is wrong with the condition, if it fits no type that was met.
    pub(crate) fn misfit(&self) -> Option<FilterError> {
        self.misfit.clone().filter(|_| !self.fits_any)
    }

    /// Looks which types a topic has before any message comes, as far as cards tell and they are known here.
    ///
    /// # Errors
    ///
    /// [`FilterError`] when the condition fits none of them.
    pub(crate) async fn look_ahead(
        &mut self,
        session: &mut Session<'_>,
        topic: &TopicName,
        catalog: &Catalog,
    ) -> Result<(), FilterError> {
        let types = session.graph().await.topics().remove(topic).unwrap_or_default().types();
        let mut all_known = true;
        for (name, hash) in types {
            let codec = catalog
                .with_hash(&name, hash)
                .and_then(|support| support.run_time_type().ok());
            match codec {
                Some(codec) => {
                    self.fits(&codec, hash);
                }
                None => all_known = false,
            }
        }
        self.misfit().filter(|_| all_known).map_or(Ok(()), Err)
    }

    /// All that a condition may ask of a message beside its fields.
    pub(crate) fn known(&self, info: &MessageInfo) -> Known {
        Known {
            signer: self.names_of(info.signer),
            node: info.node.to_string(),
            name: info.topic.to_string(),
            number: info.number,
            stamp_ns: info.source_time_ns,
            received_ns: info.received_time_ns,
        }
    }

    /// The key, and what it is called here.
    pub(crate) fn names_of(&self, signer: PublicKey) -> Vec<String> {
        let own = self.acquaintances.own() == Some(signer);
        let names = self.acquaintances.names().iter().filter(|name| name.key == signer);
        // A name that stands for two keys stands for nobody.
        let names = names
            .filter(|name| name.source != Source::Topic && self.acquaintances.find(&name.text).is_ok())
            .map(|name| name.text.clone());
        std::iter::once(signer.to_string())
            .chain(own.then(|| ME.to_owned()))
            .chain(names)
            .collect()
    }
}

/// The keys that have a name for this user.
///
/// # Errors
///
/// When the keystore cannot be read.
pub(crate) fn acquaintances(session: &Session<'_>) -> Result<Acquaintances, CommandError> {
    let (keystore, node) = (Keystore::open(&session.keystore_dir)?, &session.node);
    let (own, policy) = (Some(node.public_key()), node.trust_policy());
    Ok(Acquaintances::gather(own, &policy, &keystore.pins()?, node.domain()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nuncio::TypeSupport;
    use serde_json::json;

    #[test]
    fn a_condition_is_wrong_only_when_it_fits_no_type() {
        let codec = |text: &str| {
            let support = TypeSupport::compile("a/msg/B", &[("a/msg/B", text)]).unwrap();
            (support.run_time_type().unwrap(), support.type_hash())
        };
        let filter = Filter::parse("speed > 1").unwrap();
        let mut filter = MessageFilter::new(filter, Acquaintances::default());
        let known = Known::default();
        let (other, other_hash) = codec("string speed\n");
        assert!(!filter.passes(&other, other_hash, &json!({"speed": "2"}), &known));
        assert!(filter.misfit().unwrap().to_string().contains("column 7"), "{filter:?}");
        let (fitting, hash) = codec("float64 speed\n");
        assert!(filter.passes(&fitting, hash, &json!({"speed": 2.0}), &known));
        assert!(!filter.passes(&fitting, hash, &json!({"speed": 1.0}), &known));
        assert!(filter.misfit().is_none(), "somebody has the field");
    }
}
