//! The hash tree over frames that one signature covers, in the shape of RFC 6962.
//!
//! `leaf = BLAKE3(00 ‖ context ‖ digest)`, `node = BLAKE3(01 ‖ left ‖ right)`. The first byte keeps a leaf from being
//! taken for a node. A tree of one leaf is the leaf.
//!
//! Pure functions; no I/O, no clock.

/// The most leaves that one tree may have.
pub const LEAVES_MAX: usize = 256;

/// A hash in the tree.
pub type Hash = [u8; 32];

/// The hash of a leaf.
pub fn leaf(context: &Hash, digest: &Hash) -> Hash {
    three_parts(0, context, digest)
}

fn node(left: &Hash, right: &Hash) -> Hash {
    three_parts(1, left, right)
}

fn three_parts(tag: u8, left: &Hash, right: &Hash) -> Hash {
    let mut bytes = [tag; 65];
    let (_, rest) = bytes.split_at_mut(1);
    let (first, second) = rest.split_at_mut(32);
    first.copy_from_slice(left);
    second.copy_from_slice(right);
    *blake3::hash(&bytes).as_bytes()
}

/// How many sibling hashes lead from leaf `index` to the root of a tree of `count` leaves.
pub fn path_len(index: usize, count: usize) -> usize {
    let (mut at, mut last) = (index, count.saturating_sub(1));
    let mut len = 0;
    while last > 0 {
        // The rightmost node of a level with an odd number of nodes moves up without a sibling.
        if at % 2 == 1 || at != last {
            len += 1;
        }
        at /= 2;
        last /= 2;
    }
    len
}

/// The root that a leaf and its siblings, leaf upwards, lead to. `None` when their number is not [`path_len`].
pub fn root_from_path(leaf: Hash, index: usize, count: usize, siblings: &[Hash]) -> Option<Hash> {
    let (mut at, mut last) = (index, count.checked_sub(1)?);
    if index > last || siblings.len() != path_len(index, count) {
        return None;
    }
    let mut siblings = siblings.iter();
    let mut hash = leaf;
    while last > 0 {
        if at % 2 == 1 {
            hash = node(siblings.next()?, &hash);
        } else if at != last {
            hash = node(&hash, siblings.next()?);
        }
        at /= 2;
        last /= 2;
    }
    Some(hash)
}

/// The root of a tree and, for each leaf, its siblings leaf upwards. `leaves` has 1 to [`LEAVES_MAX`] hashes.
pub fn root_and_paths(leaves: &[Hash]) -> (Hash, Vec<Vec<Hash>>) {
    let mut paths: Vec<Vec<Hash>> = vec![Vec::new(); leaves.len()];
    let mut level = leaves.to_vec();
    let mut height = 0;
    while level.len() > 1 {
        for (index, path) in paths.iter_mut().enumerate() {
            path.extend(level.get((index >> height) ^ 1));
        }
        let (pairs, odd) = level.as_chunks::<2>();
        level = pairs
            .iter()
            .map(|[left, right]| node(left, right))
            .chain(odd.iter().copied())
            .collect();
        height += 1;
    }
    (level.first().copied().unwrap_or_default(), paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(count: usize) -> Vec<Hash> {
        (0..count)
            .map(|index| *blake3::hash(&index.to_le_bytes()).as_bytes())
            .collect()
    }

    /// The definition of RFC 6962, section 2.1, word for word.
    fn rfc_root(leaves: &[Hash]) -> Hash {
        match leaves {
            [only] => *only,
            _ => {
                let split = leaves.len().next_power_of_two() / 2;
                node(&rfc_root(&leaves[..split]), &rfc_root(&leaves[split..]))
            }
        }
    }

    #[test]
    fn the_root_is_that_of_rfc_6962_for_every_size() {
        for count in 1..=LEAVES_MAX {
            let leaves = leaves(count);
            assert_eq!(root_and_paths(&leaves).0, rfc_root(&leaves), "{count} leaves");
        }
    }

    #[test]
    fn every_leaf_of_every_size_leads_to_the_root_and_only_from_its_own_place() {
        for count in 1..=LEAVES_MAX {
            let leaves = leaves(count);
            let (root, paths) = root_and_paths(&leaves);
            for (index, path) in paths.iter().enumerate() {
                assert_eq!(path.len(), path_len(index, count));
                assert!(path.len() <= 8);
                assert_eq!(root_from_path(leaves[index], index, count, path), Some(root));
                let other = (index + 1) % count;
                if other != index {
                    assert_ne!(root_from_path(leaves[index], other, count, path), Some(root));
                }
            }
        }
    }

    #[test]
    fn a_path_of_the_wrong_length_or_place_leads_nowhere() {
        let leaves = leaves(5);
        let (_, paths) = root_and_paths(&leaves);
        assert_eq!(root_from_path(leaves[0], 0, 5, &paths[0][..2]), None);
        assert_eq!(root_from_path(leaves[0], 5, 5, &paths[0]), None);
        assert_eq!(root_from_path(leaves[0], 0, 0, &[]), None);
    }
}
