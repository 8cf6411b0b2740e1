//! Who publishes, subscribes and serves, as the viewer's topic graph shows it, and what is new in it. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::wire::{AdvertisedService, ConnectionGraphUpdate, PublishedTopic, SubscribedTopic};

type Ends = BTreeMap<String, BTreeSet<String>>;

/// The names that one client may see, and the nodes at their ends.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct ConnectionGraph {
    pub(super) published: Ends,
    pub(super) subscribed: Ends,
    pub(super) services: Ends,
}

impl ConnectionGraph {
    /// What a client that was told of `self` has to be told to know `new`. `None` when that is nothing.
    pub(super) fn update_to(&self, new: &Self) -> Option<ConnectionGraphUpdate> {
        let is_gone = |name: &&String| !new.published.contains_key(*name) && !new.subscribed.contains_key(*name);
        let known: BTreeSet<_> = self.published.keys().chain(self.subscribed.keys()).collect();
        let update = ConnectionGraphUpdate {
            published_topics: changed(&self.published, &new.published, &new.subscribed)
                .map(|(name, ids)| PublishedTopic::new(name, ids))
                .collect(),
            subscribed_topics: changed(&self.subscribed, &new.subscribed, &new.published)
                .map(|(name, ids)| SubscribedTopic::new(name, ids))
                .collect(),
            advertised_services: changed(&self.services, &new.services, &Ends::new())
                .map(|(name, ids)| AdvertisedService::new(name, ids))
                .collect(),
            removed_topics: known.into_iter().filter(is_gone).cloned().collect(),
            removed_services: self
                .services
                .keys()
                .filter(|name| !new.services.contains_key(*name))
                .cloned()
                .collect(),
        };
        (update != ConnectionGraphUpdate::default()).then_some(update)
    }
}

/// The names whose ends are others now. One that has lost its ends, and is still known for another reason, has none.
fn changed(old: &Ends, new: &Ends, elsewhere: &Ends) -> impl Iterator<Item = (String, Vec<String>)> {
    let now = new.iter().filter(|(name, ids)| old.get(*name) != Some(*ids));
    let now = now.map(|(name, ids)| (name.clone(), ids.iter().cloned().collect()));
    let is_lost = |name: &&String| !new.contains_key(*name) && elsewhere.contains_key(*name);
    let lost = old.keys().filter(is_lost).map(|name| (name.clone(), Vec::new()));
    now.chain(lost).collect::<Vec<_>>().into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(of: &[(&str, &[&str])]) -> Ends {
        let ends = of.iter().map(|(name, ids)| {
            let ids = ids.iter().map(|id| (*id).to_owned()).collect();
            ((*name).to_owned(), ids)
        });
        ends.collect()
    }

    #[test]
    fn the_first_update_names_everything_and_the_same_graph_again_needs_none() {
        let graph = ConnectionGraph {
            published: ends(&[("/imu", &["/driver"])]),
            subscribed: ends(&[("/imu", &["/filter", "/log"])]),
            services: ends(&[("/reset", &["/driver"])]),
        };
        let update = ConnectionGraph::default().update_to(&graph).unwrap_or_default();
        assert_eq!(update.published_topics, [PublishedTopic::new("/imu", ["/driver"])]);
        assert_eq!(
            update.subscribed_topics,
            [SubscribedTopic::new("/imu", ["/filter", "/log"])]
        );
        assert_eq!(
            update.advertised_services,
            [AdvertisedService::new("/reset", ["/driver"])]
        );
        assert_eq!(graph.update_to(&graph), None);
    }

    #[test]
    fn a_topic_that_lost_its_last_publisher_is_told_of_and_one_that_nobody_has_is_removed() {
        let before = ConnectionGraph {
            published: ends(&[("/imu", &["/driver"]), ("/odom", &["/driver"])]),
            subscribed: ends(&[("/imu", &["/filter"])]),
            services: ends(&[("/reset", &["/driver"])]),
        };
        let after = ConnectionGraph {
            subscribed: ends(&[("/imu", &["/filter"])]),
            ..ConnectionGraph::default()
        };
        let update = before.update_to(&after).unwrap_or_default();
        assert!(
            update
                .published_topics
                .contains(&PublishedTopic::new("/imu", Vec::<String>::new()))
        );
        assert_eq!(update.removed_topics, ["/odom"]);
        assert_eq!(update.removed_services, ["/reset"]);
    }
}
